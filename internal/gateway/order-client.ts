// The gateway's client of the order service's HTTP API. Called by routes/orders.ts.
import { type Static, Type } from "@sinclair/typebox";
import { TypeCompiler } from "@sinclair/typebox/compiler";
import { Problem } from "../../schemas/http.ts";
import { ShopOrder, ShopOrderPage } from "../../schemas/shop.ts";
import { AppError } from "../kernel/errors.ts";
import { InternalApi } from "./internal-api.ts";

/** A page takes a few milliseconds. */
const TIMEOUT_MS = 3_000;

const fault = TypeCompiler.Compile(
  Type.Union([Problem, Type.Object({ error: Type.String(), detail: Type.Optional(Type.String()) })]),
);
type Fault = Static<typeof Problem> | { readonly error: string; readonly detail?: string };
const page = { body: TypeCompiler.Compile(ShopOrderPage), fault };
const order = { body: TypeCompiler.Compile(ShopOrder), fault };

export interface PageOf {
  readonly userId: string;
  /** `next` of the page before. */
  readonly after: string | undefined;
  readonly limit: number;
}

export class OrderClient {
  readonly #api: InternalApi | undefined;

  constructor({ url }: { readonly url: string | undefined }) {
    this.#api = url === undefined ? undefined : new InternalApi("order service", url);
  }

  /** Orders of the user, newest first. Throws SERVICE_UNAVAILABLE. */
  async page({ userId, after, limit }: PageOf): Promise<ShopOrderPage> {
    const query = new URLSearchParams({ user_id: userId, limit: String(limit) });
    if (after !== undefined) query.set("after", after);
    const answer = await this.#open().call(`/orders?${query.toString()}`, page, {
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    return "body" in answer ? answer.body : refused(answer.fault, answer.status);
  }

  /** Null if the user has no such order. Throws SERVICE_UNAVAILABLE. */
  async order(orderId: string, userId: string): Promise<ShopOrder | null> {
    const answer = await this.#open().call(`/orders/${orderId}?user_id=${userId}`, order, {
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    if ("body" in answer) return answer.body;
    return answer.status === 404 ? null : refused(answer.fault, answer.status);
  }

  #open(): InternalApi {
    if (this.#api === undefined) throw new AppError("SERVICE_UNAVAILABLE", "ORDER_URL is not set");
    return this.#api;
  }
}

function refused({ detail = "" }: Fault, status: number): never {
  const code = status === 503 ? "SERVICE_UNAVAILABLE" : "MESSAGE_INVALID";
  throw new AppError(code, `the order service answered ${status} ${detail}`);
}
