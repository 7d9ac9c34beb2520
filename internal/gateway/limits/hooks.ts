// Applies the limits to the requests of the API, as hooks of its app: the cap for every request, the rates for every route, and what
// a status says about the end of a checkout. Used by app.ts; cmd/gateway makes the limits.
import { TypeCompiler } from "@sinclair/typebox/compiler";
import { Elysia } from "elysia";
import { CheckoutAccepted, SagaStatusView } from "../../../schemas/http.ts";
import { AppError } from "../../kernel/errors.ts";
import { clientAddress, clientKey, networkKey } from "./client-address.ts";
import type { Caller, LimitMetrics, RateLimits } from "./rate-limits.ts";
import type { SecondCap } from "./second-cap.ts";
import type { Shopper, ShoppingLimits } from "./shopping-limits.ts";

const CHECKOUT_ROUTE = "/api/v1/checkout";
const STATUS_ROUTE = "/api/v1/saga/:id/status";

const accepted = TypeCompiler.Compile(CheckoutAccepted);
const status = TypeCompiler.Compile(SagaStatusView);

export interface GatewayLimitsOptions {
  readonly rates: RateLimits;
  readonly shopping: ShoppingLimits;
  readonly total: SecondCap;
  readonly totalCheckouts: SecondCap;
  readonly metrics: LimitMetrics;
  /** The address of the connection's other end. */
  readonly peerOf: (request: Request) => string;
  /** How many of our proxies are in front. */
  readonly trustedProxies: number;
  /** The user of the request's token, null if it has no valid one. The route itself says why. */
  readonly userOf: (request: Request) => Promise<string | null>;
  /** Called when a count fails after the answer. */
  readonly onError: (error: unknown, request: Request) => void;
}

type Limits = Omit<GatewayLimitsOptions, "peerOf" | "trustedProxies" | "userOf">;

export class GatewayLimits {
  readonly #options: GatewayLimitsOptions;
  readonly #callers = new WeakMap<Request, Caller>();

  constructor(options: GatewayLimitsOptions) {
    this.#options = options;
  }

  get parts(): Limits {
    return this.#options;
  }

  /** Who sends the request. The hook has found out for every route. */
  async callerOf(request: Request): Promise<Caller> {
    const known = this.#callers.get(request);
    if (known !== undefined) return known;
    const { peerOf, trustedProxies, userOf } = this.#options;
    const address = clientAddress(peerOf(request), request.headers.get("x-forwarded-for"), trustedProxies);
    const caller = {
      address,
      client: clientKey(address),
      network: networkKey(address),
      userId: await userOf(request),
    };
    this.#callers.set(request, caller);
    return caller;
  }

  /** For the route of checkouts, once the body is read. Throws the problem `too-many-requests`. */
  async checkout(request: Request, paymentMethod: string): Promise<void> {
    const { userId, network } = await this.callerOf(request);
    if (userId !== null) await this.#options.shopping.checkout({ userId, network }, paymentMethod);
  }
}

/** Use it before the routes that it limits. */
export function limitHooks(limits: GatewayLimits | undefined) {
  const hooks = new Elysia({ name: "limits" });
  if (limits === undefined) return hooks;
  const { rates, shopping, total, totalCheckouts, metrics, onError } = limits.parts;
  return hooks
    .onRequest(() => {
      if (!total.take()) refuseAll("total", metrics);
    })
    .onBeforeHandle({ as: "global" }, async ({ request, route, set }) => {
      const isCheckout = route === CHECKOUT_ROUTE && request.method === "POST";
      if (isCheckout && !totalCheckouts.take()) refuseAll("total-checkouts", metrics);
      const fields = await rates.admit(await limits.callerOf(request), isCheckout);
      if (fields !== null) Object.assign(set.headers, fields);
    })
    .onAfterHandle({ as: "global" }, async ({ request, route, responseValue }) => {
      const counting = afterwards(route, responseValue);
      if (counting === null) return;
      const { userId, network } = await limits.callerOf(request);
      // The answer does not wait for it.
      if (userId !== null)
        counting(shopping, { userId, network }).catch((error: unknown) => onError(error, request));
    });
}

/** What to count once the answer is known. Null if nothing. */
function afterwards(route: string, answer: unknown) {
  if (route === CHECKOUT_ROUTE && accepted.Check(answer))
    return (limits: ShoppingLimits, shopper: Shopper) => limits.accepted(shopper, answer.saga_id);
  if (route === STATUS_ROUTE && status.Check(answer))
    return (limits: ShoppingLimits, shopper: Shopper) => limits.seen(shopper, answer);
  return null;
}

/** Ours, not the client's: every client is refused alike, and should come back with the same request. */
function refuseAll(policy: string, metrics: LimitMetrics): never {
  metrics.refused.inc({ policy });
  throw new AppError("SERVICE_UNAVAILABLE", `this gateway's limit per second is reached (${policy})`);
}
