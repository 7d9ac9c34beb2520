// Ships orders and records deliveries through the order service's HTTP interface, never by SQL: only that service changes orders, and
// its event brings the mail and the line in the audit trail. Called by `checkoutctl order`.
import { type DeliverOrder, Problem, ShipmentRecorded, type ShipOrder } from "../../schemas/http.ts";
import { LateCheck } from "../../schemas/late-check.ts";
import { AppError } from "../kernel/errors.ts";
import { authorized, requireAdmitted, type ServiceAt } from "./service-call.ts";

const REQUEST_TIMEOUT_MS = 10_000;

const recorded = new LateCheck(ShipmentRecorded);
const problem = new LateCheck(Problem);

/**
 * Ships the order. `changed` is false if it was shipped with the same tracking before. Throws MESSAGE_INVALID with the reason if it
 * cannot be shipped, and SERVICE_UNAVAILABLE if the order service does not answer; a repeat is safe then.
 */
export function shipOrder(orders: ServiceAt, orderId: string, request: ShipOrder): Promise<ShipmentRecorded> {
  return post(orders, orderId, "ship", request);
}

/** Records that the parcel arrived; with the answers and errors of `shipOrder`. */
export function deliverOrder(
  orders: ServiceAt,
  orderId: string,
  request: DeliverOrder,
): Promise<ShipmentRecorded> {
  return post(orders, orderId, "deliver", request);
}

async function post(
  orders: ServiceAt,
  orderId: string,
  what: "ship" | "deliver",
  request: ShipOrder | DeliverOrder,
): Promise<ShipmentRecorded> {
  const unreachable = `the order service does not answer at ${orders.url}: start it, or correct ORDER_URL`;
  let answer: unknown;
  try {
    const response = await fetch(new URL(`/orders/${orderId}/${what}`, orders.url), {
      method: "POST",
      body: JSON.stringify(request),
      headers: { "content-type": "application/json", ...authorized(orders) },
      signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
    });
    answer = await response.json();
  } catch (error) {
    throw new AppError("SERVICE_UNAVAILABLE", unreachable, { cause: error });
  }
  if (recorded.Check(answer)) return answer;
  if (!problem.Check(answer)) throw new AppError("SERVICE_UNAVAILABLE", unreachable);
  const { status, title, detail = title, errors = [] } = answer;
  requireAdmitted("order service", status, detail);
  if (status >= 500) throw new AppError("SERVICE_UNAVAILABLE", `the order service is not able to: ${detail}`);
  const faults = errors.map(({ path, message }) => `${path} ${message}`).join("; ");
  throw new AppError("MESSAGE_INVALID", [detail, faults].filter((part) => part !== "").join(": "));
}
