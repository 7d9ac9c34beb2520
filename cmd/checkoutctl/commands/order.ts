// `checkoutctl order`: lists orders, shows one, ships it, records that it arrived, cancels it after its checkout. order-rebuild.ts has
// the recovery after a restore.
import { InvalidArgumentError } from "@commander-js/extra-typings";
import type { Sql } from "postgres";
import type { TSchema } from "@sinclair/typebox";
import { AppError } from "../../../internal/kernel/errors.ts";
import { cancelOrder, type OrderCancelAnswer } from "../../../internal/operations/orchestrator.ts";
import { orderNumberOf, readOrderNumber } from "../../../internal/kernel/order-number.ts";
import {
  findOrderOf,
  listOrders,
  type OrderDetails,
  ordersNumbered,
} from "../../../internal/operations/order-store.ts";
import { deliverOrder, shipOrder } from "../../../internal/operations/shipping.ts";
import { Tracking } from "../../../schemas/fields.ts";
import { ORDER_STATUSES, type ShipmentRecorded } from "../../../schemas/http.ts";
import { LateCheck } from "../../../schemas/late-check.ts";
import {
  command,
  count,
  group,
  instant,
  money,
  operatorCommand,
  print,
  statusOption,
  table,
  uuid,
  wrongUsage,
} from "../command.ts";
import { Connections } from "../connections.ts";
import { serviceAt } from "../operator.ts";
import { loadSettings } from "../settings.ts";
import { rebuildCommand } from "./order-rebuild.ts";

const ls = command("ls", "list orders, newest first")
  .addOption(statusOption(ORDER_STATUSES, "only orders with this status"))
  .option("--user <id>", "only orders of this shopper", uuid)
  .option("--limit <count>", "maximum number of orders", count, 20)
  .action(async (options) => {
    await using connections = new Connections(loadSettings(options.stack));
    const filter = { status: options.status ?? null, user: options.user ?? null, limit: options.limit };
    const orders = await listOrders(await connections.database("order"), filter);
    print(options, orders, () =>
      table(
        ["ORDER", "STATUS", "TOTAL", "CREATED", "SHIPPED", "DELIVERED", "TRACKING"],
        orders.map((order) => [
          order.order_id,
          order.status,
          order.currency === null ? null : money(order.total_cents, order.currency),
          instant(order.created_at),
          instant(order.shipped_at),
          instant(order.delivered_at),
          parcelText(order.tracking),
        ]),
      ),
    );
  });

const show = command("show", "show one order")
  .argument("<order>", "the order's id or number, or its saga's id", idOrNumber)
  .action(async (text, options) => {
    await using connections = new Connections(loadSettings(options.stack));
    const orders = await connections.database("order");
    const id = await idOf(orders, text);
    const order = await findOrderOf(orders, id);
    if (order === undefined)
      throw new AppError(
        "MESSAGE_INVALID",
        `there is no order ${id}, and no order of a saga ${id}; if it is a saga: checkoutctl saga show ${id}`,
      );
    if (order.order_id !== id)
      process.stderr.write(`checkoutctl: ${id} is a saga; this is its order, ${order.order_id}\n`);
    print(options, order, () => asText(order));
  });

/** The number is what shoppers see on pages and in mails. */
function idOrNumber(text: string): string {
  if (readOrderNumber(text) !== null) return text;
  try {
    return uuid(text);
  } catch {
    throw new InvalidArgumentError(
      "It must be a UUID in lower case, or an order number, like 6G0P6-6GB06-MER2.",
    );
  }
}

async function idOf(orders: Sql, text: string): Promise<string> {
  const number = readOrderNumber(text);
  if (number === null) return text;
  const [id, ...others] = await ordersNumbered(orders, number);
  if (id === undefined)
    throw new AppError("MESSAGE_INVALID", `there is no order with number ${number.number}`);
  if (others.length > 0)
    throw new AppError(
      "MESSAGE_INVALID",
      `${others.length + 1} orders have the number ${number.number}, give the id: ${[id, ...others].join(", ")}`,
    );
  return id;
}

const ship = operatorCommand("ship", "record that an order was sent; the shopper gets a mail")
  .argument("<order-id>", "the order's id", uuid)
  .option(
    "--tracking <number>",
    "the carrier's number of the parcel",
    checked(
      Tracking.properties.number,
      "It must be 1 to 64 letters, digits, dots, dashes, slashes or underscores.",
    ),
  )
  .option(
    "--carrier <name>",
    "the carrier, with --tracking",
    checked(Tracking.properties.carrier, "It must be one line of 1 to 100 characters."),
  )
  .option(
    "--tracking-url <url>",
    "the carrier's page about the parcel, with --tracking",
    checked(Tracking.properties.url, "It must be an https:// URL of at most 500 characters."),
  )
  .option("--correct", "replace the tracking of an order that is shipped already")
  .action(async (orderId, { reason, ...options }) => {
    const tracking = trackingOf(options);
    const orders = await serviceAt(loadSettings(options.stack), "ORDER_URL");
    const answer = await shipOrder(orders, orderId, {
      reason,
      ...(tracking === undefined ? {} : { tracking }),
      ...(options.correct === undefined ? {} : { correct: options.correct }),
    });
    print(options, answer, () => changeText(answer));
  });

const deliver = operatorCommand("deliver", "record that a shipped order arrived")
  .argument("<order-id>", "the order's id", uuid)
  .action(async (orderId, { reason, ...options }) => {
    const orders = await serviceAt(loadSettings(options.stack), "ORDER_URL");
    const answer = await deliverOrder(orders, orderId, { reason });
    print(options, answer, () => changeText(answer));
  });

const cancel = operatorCommand(
  "cancel",
  "cancel an order that is paid and not sent: refund it, and give its stock back",
)
  .argument("<order-id>", "the order's id", uuid)
  .action(async (order_id, { reason, ...options }) => {
    const settings = loadSettings(options.stack);
    const orchestrator = await serviceAt(settings, "ORCHESTRATOR_URL");
    await using connections = new Connections(settings);
    const orders = await connections.database("order");
    const order = await findOrderOf(orders, order_id);
    if (order?.order_id !== order_id) {
      const hint = order === undefined ? "" : `; it is a saga, and its order is ${order.order_id}`;
      throw new AppError("MESSAGE_INVALID", `there is no order ${order_id}${hint}`);
    }
    // The order service decides this again, under the order's lock.
    if (order.status === "SHIPPED" || order.status === "DELIVERED")
      throw new AppError(
        "MESSAGE_INVALID",
        `order ${order_id} is ${order.status}: only an order that is not sent is cancelled`,
      );
    const answer = await cancelOrder(orchestrator, order.saga_id, { order_id, reason });
    print(options, answer, () => cancelText(answer));
  });

export const orderCommand = group("order", "orders after their checkout: shipping, delivery, cancelling")
  .addCommand(ls)
  .addCommand(show)
  .addCommand(ship)
  .addCommand(deliver)
  .addCommand(cancel)
  .addCommand(rebuildCommand);

function trackingOf(options: {
  readonly tracking?: string | undefined;
  readonly carrier?: string | undefined;
  readonly trackingUrl?: string | undefined;
}): Tracking | undefined {
  const { tracking: number, carrier, trackingUrl: url } = options;
  if (number !== undefined && carrier !== undefined)
    return { carrier, number, ...(url === undefined ? {} : { url }) };
  if (number === undefined && carrier === undefined && url === undefined) return undefined;
  return wrongUsage("--tracking and --carrier go together, and --tracking-url needs both");
}

function checked(schema: TSchema, rule: string) {
  const check = new LateCheck(schema);
  return (text: string): string => {
    if (!check.Check(text)) throw new InvalidArgumentError(rule);
    return text;
  };
}

function changeText({ changed, order_id, status, tracking }: ShipmentRecorded): string {
  const parcel = parcelText(tracking);
  const how = `${status}${parcel === null ? "" : ` with ${parcel}`}`;
  return changed
    ? `order ${order_id} is ${how}`
    : `order ${order_id} was ${how} already, nothing was changed`;
}

const STEP_TEXT = {
  order: "the order is being cancelled",
  refund: "the payment is being refunded",
  release: "the stock is being given back",
} as const;

function cancelText({ order_id, status, step, started_now, needs_operator }: OrderCancelAnswer): string {
  const operator = needs_operator ? ", AND NEEDS AN OPERATOR: there has been no reply for long" : "";
  if (started_now) return `order ${order_id}: ${STEP_TEXT[step]}; the same command shows how far it is`;
  return status === "CANCELLED"
    ? `order ${order_id} was cancelled already, nothing was changed`
    : `order ${order_id} was being cancelled already: ${STEP_TEXT[step]}${operator}`;
}

function parcelText(tracking: Tracking | null): string | null {
  return tracking === null ? null : `${tracking.carrier} ${tracking.number}`;
}

function asText({ items, shipping_address: to, ...order }: OrderDetails): string {
  const { currency } = order;
  const address = to === null ? null : [to.name, to.line1, `${to.postal_code} ${to.city}`.trim(), to.country];
  const facts: readonly (readonly [string, string | null])[] = [
    ["order", order.order_id],
    ["number", orderNumberOf(order.order_id)],
    ["saga", order.saga_id],
    ["shopper", order.user_id],
    ["status", order.status],
    ["total", currency === null ? null : money(order.total_cents, currency)],
    ["address", address === null ? null : address.filter((part) => part !== "").join(", ")],
    ["created", instant(order.created_at)],
    ["shipped", instant(order.shipped_at)],
    ["tracking", parcelText(order.tracking)],
    ["tracking page", order.tracking?.url ?? null],
    ["delivered", instant(order.delivered_at)],
    ["cancelled", order.status === "CANCELLED" ? instant(order.updated_at) : null],
  ];
  const lines = items.map(({ sku_id, quantity, unit_price_cents }) => [
    quantity,
    sku_id,
    money(unit_price_cents, currency ?? ""),
  ]);
  return [
    table(
      ["", ""],
      facts.filter(([, value]) => value !== null),
    ).trimStart(),
    ...(lines.length === 0 ? [] : [table(["COUNT", "SKU", "EACH"], lines)]),
  ].join("\n\n");
}
