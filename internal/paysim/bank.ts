// The page of a bank that wants the shopper to confirm a charge (3-D Secure): two buttons, and then back to the shop, as after the
// redirect of Stripe's `next_action`. Works without JavaScript. The address holds the intent's client secret, which is all that a
// shopper needs. Served by server.ts.
import { decimalText } from "./currencies.ts";
import { clientSecretOf } from "./ids.ts";
import type { Intent } from "./ledger.ts";
import type { Simulator } from "./simulator.ts";

const STYLE = `:root{color-scheme:light dark}
body{font:1.1rem/1.5 system-ui,sans-serif;max-width:32rem;margin:3rem auto;padding:0 1rem}
form{display:flex;flex-wrap:wrap;gap:1rem;margin-top:2rem}
button{font:inherit;min-height:3rem;padding:0 1.5rem;border:2px solid;border-radius:.4rem;background:Canvas;color:CanvasText;cursor:pointer}
button.confirm{background:#1d4ed8;border-color:#1d4ed8;color:#fff}
button:focus-visible{outline:3px solid #b45309;outline-offset:3px}`;
const STYLE_HASH = new Bun.CryptoHasher("sha256").update(STYLE).digest("base64");

const HEADERS = {
  "content-type": "text/html; charset=utf-8",
  "cache-control": "no-store",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
} as const;

/** `GET` shows the page; `POST` with `answer=confirm` or `answer=refuse` answers it. Both need the intent's `client_secret`. */
export async function bankPage(request: Request, intentId: string, simulator: Simulator): Promise<Response> {
  const url = new URL(request.url);
  const form = request.method === "POST" ? new URLSearchParams(await request.text()) : null;
  const secret = form?.get("client_secret") ?? url.searchParams.get("client_secret");
  const intent = simulator.ledger.intents.get(intentId);
  if (intent?.challenge === undefined || secret !== clientSecretOf(intentId))
    return page(404, "This payment is not known here", "<p>Please go back to the shop.</p>");
  if (form === null) {
    if (request.method !== "GET" && request.method !== "HEAD")
      return page(405, "This does not work here", "<p>Please go back to the shop.</p>");
    return intent.status === "requires_action" || intent.status === "requires_payment_method"
      ? page(200, "Confirm your payment", question(intent, secret), intent.challenge.returnUrl)
      : over(intent);
  }
  const answer = form.get("answer");
  if (answer !== "confirm" && answer !== "refuse")
    return page(422, "Please confirm or refuse", question(intent, secret), intent.challenge.returnUrl);
  const confirm = { kind: "confirm", intentId, isConfirmed: answer === "confirm" } as const;
  const outcome = await simulator.execute(confirm, null, "");
  await simulator.file.flushed();
  const after = simulator.ledger.intents.get(intentId) ?? intent;
  const isClosed =
    outcome.kind === "answer" && outcome.answer.kind === "error" && after.status === "canceled";
  return isClosed ? over(after) : backToShop(after, secret);
}

function question({ id, amountCents, currency }: Intent, secret: string): string {
  return `<p>The shop wants to take <strong>${decimalText(amountCents, currency)} ${currency}</strong> from your card.</p>
<form method="post" action="/bank/${id}">
<input type="hidden" name="client_secret" value="${secret}">
<button class="confirm" name="answer" value="confirm">Confirm payment</button>
<button name="answer" value="refuse">Refuse</button>
</form>`;
}

/** Paid or held, or cancelled meanwhile. */
function over(intent: Intent): Response {
  if (isAccepted(intent)) return backToShop(intent, clientSecretOf(intent.id));
  return page(410, "This payment is no longer open", "<p>Nothing was taken. Please go back to the shop.</p>");
}

function isAccepted({ status }: Intent): boolean {
  return status === "succeeded" || status === "requires_capture";
}

/** As Stripe comes back: the shop must not believe it, and ask the provider. */
function backToShop(intent: Intent, secret: string): Response {
  const { id, challenge } = intent;
  const to = new URL(challenge?.returnUrl ?? "");
  to.searchParams.set("payment_intent", id);
  to.searchParams.set("payment_intent_client_secret", secret);
  to.searchParams.set("redirect_status", isAccepted(intent) ? "succeeded" : "failed");
  return new Response(null, { status: 303, headers: { location: to.href, ...HEADERS } });
}

/** `returnUrl`: where its form may lead to after the answer; browsers apply form-action to redirects as well. */
function page(status: number, title: string, body: string, returnUrl?: string): Response {
  const targets = returnUrl === undefined ? "'self'" : `'self' ${new URL(returnUrl).origin}`;
  const policy = `default-src 'none'; style-src 'sha256-${STYLE_HASH}'; form-action ${targets}; base-uri 'none'; frame-ancestors 'none'`;
  const html = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${title} - Simulated Bank</title><style>${STYLE}</style></head>
<body><main><h1>${title}</h1>
${body}
</main></body>
</html>
`;
  return new Response(html, { status, headers: { ...HEADERS, "content-security-policy": policy } });
}
