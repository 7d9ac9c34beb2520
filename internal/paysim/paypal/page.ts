// The page at which a payer approves an order or goes back without, as PayPal's. Works without JavaScript. Served by server.ts.
import { backToShop, shopperPage } from "../shopper-page.ts";
import type { Order } from "./ledger.ts";
import type { PayPalSimulator } from "./simulator.ts";

const ANSWERS = {
  approve: "approved",
  declined: "declined",
  capture_declined: "capture_declined",
  refuse: "refused",
} as const;

/** `GET ?token=ORDER` shows the page; `POST` with `token` and `answer` (a key of ANSWERS) answers it. `address`: the page's own. */
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
<button name="answer" value="capture_declined">Pay with a card that is declined when the money is taken</button>
<button name="answer" value="refuse">Cancel and return to the shop</button>
</form>`;
}

/** As PayPal comes back: the shop must not believe it, and ask PayPal. */
function back(url: string, { id }: Order): Response {
  return backToShop(url, { token: id, PayerID: "SIMULATEDPAYER" });
}

function page(status: number, heading: string, body: string, order?: Order): Response {
  return shopperPage({ status, title: heading, heading, body, returnUrl: order?.returnUrl });
}
