// The page of a bank that wants the shopper to confirm a charge (3-D Secure): two buttons, and then back to the shop, as after the
// redirect of Stripe's `next_action`. Works without JavaScript. The address holds the intent's client secret, which is all that a
// shopper needs. Served by server.ts.
import { decimalText } from "./currencies.ts";
import { clientSecretOf } from "./ids.ts";
import type { Intent } from "./ledger.ts";
import { backToShop, shopperPage } from "./shopper-page.ts";
import type { Simulator } from "./simulator.ts";

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
  return isClosed ? over(after) : back(after, secret);
}

function question({ id, amountCents, currency }: Intent, secret: string): string {
  return `<p>The shop wants to take <strong>${decimalText(amountCents, currency)} ${currency}</strong> from your card.</p>
<form method="post" action="/bank/${id}">
<input type="hidden" name="client_secret" value="${secret}">
<button class="pay" name="answer" value="confirm">Confirm payment</button>
<button name="answer" value="refuse">Refuse</button>
</form>`;
}

/** Paid or held, or cancelled meanwhile. */
function over(intent: Intent): Response {
  if (isAccepted(intent)) return back(intent, clientSecretOf(intent.id));
  return page(410, "This payment is no longer open", "<p>Nothing was taken. Please go back to the shop.</p>");
}

function isAccepted({ status }: Intent): boolean {
  return status === "succeeded" || status === "requires_capture";
}

/** As Stripe comes back: the shop must not believe it, and ask the provider. */
function back(intent: Intent, secret: string): Response {
  return backToShop(intent.challenge?.returnUrl ?? "", {
    payment_intent: intent.id,
    payment_intent_client_secret: secret,
    redirect_status: isAccepted(intent) ? "succeeded" : "failed",
  });
}

function page(status: number, heading: string, body: string, returnUrl?: string): Response {
  return shopperPage({ status, title: `${heading} - Simulated Bank`, heading, body, returnUrl });
}
