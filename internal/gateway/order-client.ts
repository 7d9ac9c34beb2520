// The gateway's client of the order service's HTTP API. Called by routes/orders.ts.
import { TypeCompiler } from "@sinclair/typebox/compiler";
import { OrderPage, OrderView, Problem } from "../../schemas/http.ts";
import { InternalApi, refused, type ServiceAt } from "./internal-api.ts";

/** A page takes a few milliseconds. */
const TIMEOUT_MS = 3_000;

const fault = TypeCompiler.Compile(Problem);
const page = { body: TypeCompiler.Compile(OrderPage), fault };
const order = { body: TypeCompiler.Compile(OrderView), fault };

export interface PageOf {
  readonly userId: string;
  /** `next` of the page before. */
  readonly after: string | undefined;
  readonly limit: number;
}

export class OrderClient {
  readonly #api: InternalApi;

  constructor(at: ServiceAt) {
    this.#api = new InternalApi("order service", at);
  }

  /** Orders of the user, newest first. Throws SERVICE_UNAVAILABLE. */
  async page({ userId, after, limit }: PageOf): Promise<OrderPage> {
    const query = new URLSearchParams({ user_id: userId, limit: String(limit) });
    if (after !== undefined) query.set("after", after);
    const answer = await this.#api.call(`/orders?${query.toString()}`, page, {
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    return "body" in answer ? answer.body : refused("the order service", answer.fault);
  }

  /** Null if the user has no such order. Throws SERVICE_UNAVAILABLE. */
  async order(orderId: string, userId: string): Promise<OrderView | null> {
    const answer = await this.#api.call(`/orders/${orderId}?user_id=${userId}`, order, {
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    if ("body" in answer) return answer.body;
    return answer.fault.status === 404 ? null : refused("the order service", answer.fault);
  }
}
