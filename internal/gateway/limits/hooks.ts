// Applies the limits to requests: the cap for every request and the rates for every route as hooks of the API's app, the limits of
// checkouts where its routes and the storefront ask. Used by app.ts, routes/ and shop-data.ts; cmd/gateway makes the limits.
import { Elysia } from "elysia";
import { AppError } from "../../kernel/errors.ts";
import { clientAddress, clientKey, networkKey } from "./client-address.ts";
import type { Caller, LimitMetrics, RateLimits } from "./rate-limits.ts";
import type { SecondCap } from "./second-cap.ts";
import type { SagaEnd, ShoppingLimits } from "./shopping-limits.ts";

const CHECKOUT_ROUTE = "/api/v1/checkout";

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
  /** The user of the request's token, in its header or session cookie; null if it has no valid one. The route itself says why. */
  readonly userOf: (request: Request) => Promise<string | null>;
  /** Called when a count fails after the answer. */
  readonly onError: (error: unknown, request: Request) => void;
}

/** A checkout and its verified user. The hook may have found no user, because the keys for tokens were away at that moment. */
export interface Placing {
  readonly request: Request;
  readonly userId: string;
}

export class GatewayLimits {
  readonly #options: GatewayLimitsOptions;
  readonly #callers = new WeakMap<Request, Caller>();

  constructor(options: GatewayLimitsOptions) {
    this.#options = options;
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

  /** For every request, before its route is known. Throws SERVICE_UNAVAILABLE. */
  takeOne(): void {
    if (!this.#options.total.take()) this.#refuseAll("total");
  }

  /** For a request with its route. Returns the header fields about the limit; throws `too-many-requests` or SERVICE_UNAVAILABLE. */
  async admit(request: Request, isCheckout: boolean): Promise<object | null> {
    const { rates, totalCheckouts } = this.#options;
    const fields = await rates.admit(await this.callerOf(request), isCheckout);
    // After the limits of the caller, so that nobody uses up what is there for all.
    if (isCheckout && !totalCheckouts.take()) this.#refuseAll("total-checkouts");
    return fields;
  }

  /** For the route of checkouts, once the body is read: see ShoppingLimits.checkout. */
  async checkout<Known>(
    { request, userId }: Placing,
    paymentMethod: string,
    find: () => Promise<Known | null>,
  ): Promise<Known | null> {
    const { network } = await this.callerOf(request);
    return this.#options.shopping.checkout({ userId, network }, paymentMethod, find);
  }

  /** Counts a checkout that was accepted for the first time. Nothing waits for it. */
  accepted({ request, userId }: Placing, sagaId: string): void {
    this.#count(request, (shopping, { network }) => shopping.accepted({ userId, network }, sagaId));
  }

  /**
   * Counts what a status says about the end of a checkout; call it with each status that somebody gets. It counts for the
   * checkout's owner, whoever looks. Nothing waits for it.
   */
  seen(request: Request, end: SagaEnd, userId: string): void {
    if (end.completed_at === null) return;
    this.#count(request, (shopping, { network }) => shopping.seen({ userId, network }, end));
  }

  #count(request: Request, work: (shopping: ShoppingLimits, caller: Caller) => Promise<void>): void {
    const { shopping, onError } = this.#options;
    this.callerOf(request)
      .then((caller) => work(shopping, caller))
      .catch((error: unknown) => onError(error, request));
  }

  /** Ours, not the client's: every client is refused alike, and should come back with the same request. */
  #refuseAll(policy: string): never {
    this.#options.metrics.refused.inc({ policy });
    throw new AppError("SERVICE_UNAVAILABLE", `this gateway's limit per second is reached (${policy})`);
  }
}

/** Use it before the routes that it limits. */
export function limitHooks(limits: GatewayLimits | undefined) {
  const hooks = new Elysia({ name: "limits" });
  if (limits === undefined) return hooks;
  return hooks
    .onRequest(() => limits.takeOne())
    .onBeforeHandle({ as: "global" }, async ({ request, route, set }) => {
      const isCheckout = route === CHECKOUT_ROUTE && request.method === "POST";
      const fields = await limits.admit(request, isCheckout);
      if (fields !== null) Object.assign(set.headers, fields);
    });
}
