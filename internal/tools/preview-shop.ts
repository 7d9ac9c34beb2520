// `bun internal/tools/preview-shop.ts [port]`: the storefront over a shop in memory, to look at its pages without the stack. Its orders and
// checkouts show every state: /checkout/01890000-0000-7000-9000-0000000001NN, with NN from the list that it prints.
import { serveHttp } from "../platform/serve-http.ts";
import { storefrontApp } from "../storefront/app.ts";
import type { CheckoutStatus } from "../storefront/port.ts";
import { sagaOf, SHOPPER_TOKEN, ShopInMemory, storefrontOptions } from "../testkit/storefront.ts";

const ORDERED = "01890000-0000-7000-a000-000000000001";
const SHIPPED = "01890000-0000-7000-a000-000000000002";
const DELIVERED = "01890000-0000-7000-a000-000000000003";
const CANCELLED = "01890000-0000-7000-a000-000000000004";
const BEING_CANCELLED = "01890000-0000-7000-a000-000000000005";
const DONE = "2026-11-29T12:04:03.000Z";
const failed = (failure_code: string, parts: Partial<CheckoutStatus> = {}) =>
  ({ status: "COMPENSATED", failure_code, completed_at: DONE, ...parts }) as const;

/** Number and state of each checkout. */
export const PREVIEW_STATES: readonly (readonly [number, Partial<CheckoutStatus>])[] = [
  [100, {}],
  [101, { status: "INVENTORY_RESERVED", total_cents: 7_700 }],
  [
    102,
    {
      status: "INVENTORY_RESERVED",
      total_cents: 7_700,
      next_action: { kind: "redirect", expires_at: "2026-11-29T12:14:00.000Z", extendable: true },
    },
  ],
  [103, { status: "PAYMENT_CHARGED", total_cents: 7_700 }],
  [104, { status: "COMPLETED", total_cents: 7_700, order_id: ORDERED, completed_at: DONE }],
  [105, { status: "COMPENSATING", failure_code: "DEADLINE_EXCEEDED", total_cents: 7_700 }],
  [106, failed("PRICE_CHANGED", { total_cents: 8_100, new_total_cents: 8_100 })],
  [107, failed("INSUFFICIENT_STOCK", { lines_short: [{ sku_id: "notebook-green", available_count: 3 }] })],
  [108, failed("INSUFFICIENT_FUNDS", { total_cents: 7_700 })],
  [109, failed("RESERVATION_LOST", { total_cents: 7_700, money: "returning" })],
  [110, { status: "COMPLETED", total_cents: 7_700, order_id: CANCELLED, completed_at: DONE }],
  [111, { status: "COMPLETED", total_cents: 7_700, order_id: SHIPPED, completed_at: DONE }],
  [112, { status: "COMPLETED", total_cents: 7_700, order_id: DELIVERED, completed_at: DONE }],
  [
    113,
    {
      status: "COMPLETED",
      total_cents: 7_700,
      order_id: BEING_CANCELLED,
      cancelling: true,
      completed_at: DONE,
    },
  ],
];

export function previewShop(): ShopInMemory {
  const shop = new ShopInMemory();
  shop.addOrder(1, { saga_id: sagaOf(104) });
  const shipped_at = "2026-11-25T08:00:00.000Z";
  const tracking = { carrier: "Post", number: "RB 123 456 789 DE" };
  shop.addOrder(2, { status: "SHIPPED", created_at: "2026-11-24T16:20:00.000Z", shipped_at, tracking });
  shop.addOrder(3, {
    status: "DELIVERED",
    created_at: "2026-10-02T07:00:00.000Z",
    shipped_at,
    delivered_at: shipped_at,
  });
  shop.addOrder(4, {
    status: "CANCELLED",
    created_at: "2026-09-12T07:00:00.000Z",
    cancelled_at: "2026-09-12T10:00:00.000Z",
  });
  shop.addOrder(5, { saga_id: sagaOf(113), created_at: "2026-09-11T07:00:00.000Z" });
  for (const [number, parts] of PREVIEW_STATES) shop.set(sagaOf(number), parts);
  return shop;
}

if (import.meta.main) {
  const port = Number(Bun.argv[2] ?? 4_780);
  const options = storefrontOptions(previewShop());
  const app = storefrontApp({ ...options, onError: (error) => console.error(error) });
  const server = serveHttp(app, { hostname: "127.0.0.1", port });
  console.log(`http://localhost:${server.port}/ (sign in with ${SHOPPER_TOKEN})`);
  for (const [number, { status = "STARTED", failure_code = "" }] of PREVIEW_STATES)
    console.log(`  /checkout/${sagaOf(number)}  ${status} ${failure_code ?? ""}`);
}
