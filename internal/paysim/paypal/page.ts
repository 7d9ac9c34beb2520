// The page at which a payer approves an order or goes back without, as PayPal's. Works without JavaScript. Served by server.ts.
import type { Order } from "./ledger.ts";
import type { PayPalSimulator } from "./simulator.ts";

const STYLE = `:root{color-scheme:light dark}
body{font:1.1rem/1.5 system-ui,sans-serif;max-width:32rem;margin:3rem auto;padding:0 1rem}
form{display:flex;flex-wrap:wrap;gap:1rem;margin-top:2rem}
button{font:inherit;min-height:3rem;padding:0 1.5rem;border:2px solid;border-radius:.4rem;background:Canvas;color:CanvasText;cursor:pointer}
button.pay{background:#1d4ed8;border-color:#1d4ed8;color:#fff}
button:focus-visible{outline:3px solid #b45309;outline-offset:3px}`;
const STYLE_HASH = new Bun.CryptoHasher("sha256").update(STYLE).digest("base64");

const HEADERS = {
  "content-type": "text/html; charset=utf-8",
  "cache-control": "no-store",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
} as const;

const ANSWERS = { approve: "approved", declined: "declined", refuse: "refused" } as const;

/** `GET ?token=ORDER` shows the page; `POST` with `token` and `answer` (`approve`, `declined` or `refuse`) answers it. `address`: the page's own. */
export async function approvalPage(
  request: Request,
  simulator: PayPalSimulator,
  address: string,
): Promise<Response> {
  const form = request.method === "POST" ? new URLSearchParams(await request.text()) : null;
  const token = form?.get("token") ?? new URL(request.url).searchParams.get("token") ?? "";
  const order = simulator.ledger.orders.get(token);
  if (order === undefined)
    return page(404, "This payment is not known here", "<p>Please go back to the shop.</p>");
  if (form === null)
    return order.status === "CREATED"
      ? page(200, "Pay with the simulated PayPal", question(order, address), order)
      : back(order.returnUrl, order);
  const chosen = form.get("answer") ?? "";
  if (!isAnswer(chosen)) return page(422, "Please choose", question(order, address), order);
  const approval = { kind: "approval", orderId: order.id, answer: ANSWERS[chosen] } as const;
  const outcome = await simulator.execute(approval, null, "");
  await simulator.file.flushed();
  // Captured meanwhile, or too old.
  if (outcome.kind === "refused" && order.status !== "COMPLETED")
    return page(
      410,
      "This payment is no longer open",
      "<p>Nothing was taken. Please go back to the shop.</p>",
    );
  return back(chosen === "refuse" ? order.cancelUrl : order.returnUrl, order);
}

function isAnswer(text: string): text is keyof typeof ANSWERS {
  return Object.hasOwn(ANSWERS, text);
}

function question({ id, value, currency }: Order, address: string): string {
  return `<p>The shop wants to take <strong>${value} ${currency}</strong>.</p>
<form method="post" action="${address}">
<input type="hidden" name="token" value="${id}">
<button class="pay" name="answer" value="approve">Pay now</button>
<button name="answer" value="declined">Pay with a card that will be declined</button>
<button name="answer" value="refuse">Cancel and return to the shop</button>
</form>`;
}

/** As PayPal comes back: the shop must not believe it, and ask PayPal. */
function back(url: string, { id }: Order): Response {
  const to = new URL(url);
  to.searchParams.set("token", id);
  to.searchParams.set("PayerID", "SIMULATEDPAYER");
  return new Response(null, { status: 303, headers: { location: to.href, ...HEADERS } });
}

/** `order`: where its form may lead to after the answer; browsers apply form-action to redirects as well. */
function page(status: number, title: string, body: string, order?: Order): Response {
  const targets = order === undefined ? "'self'" : `'self' ${new URL(order.returnUrl).origin}`;
  const policy = `default-src 'none'; style-src 'sha256-${STYLE_HASH}'; form-action ${targets}; base-uri 'none'; frame-ancestors 'none'`;
  const html = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${title}</title><style>${STYLE}</style></head>
<body><main><h1>${title}</h1>
${body}
</main></body>
</html>
`;
  return new Response(html, { status, headers: { ...HEADERS, "content-security-policy": policy } });
}
