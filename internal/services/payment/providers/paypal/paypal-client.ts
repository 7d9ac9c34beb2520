// PayPal's REST API over fetch: one call with its access token, its deadline and its key, and what became of it. It never throws. What
// the reply means for the money is in paypal-errors.ts and paypal-answers.ts. Called by paypal.ts and paypal-ledger.ts.
//
// Sources: https://developer.paypal.com/api/rest/authentication/ (client credentials, `expires_in` in seconds),
// https://developer.paypal.com/api/rest/reference/idempotency/ (PayPal-Request-Id), and the error schemas of PayPal's OpenAPI documents
// (github.com/paypal/paypal-rest-api-specifications: checkout_orders_v2.json, payments_payment_v2.json).
import { Type } from "@sinclair/typebox";
import { TypeCompiler } from "@sinclair/typebox/compiler";
import { Value } from "@sinclair/typebox/value";

export const PAYPAL_API = new URL("https://api-m.paypal.com");
/** All requests of one call together; below the executor's lease. */
const PAYPAL_TIMEOUT_MS = 10_000;
/** A token is replaced this long before its end, or after nine tenths of its life if that is later. */
const RENEW_BEFORE_MS = 300_000;
/** If PayPal asks for a longer pause, it is called again after this long, to see whether it still refuses. */
const MAX_RETRY_AFTER_MS = 60_000;

export interface PayPalAccount {
  readonly clientId: string;
  readonly clientSecret: string;
  /** The URL of the API. Default: PayPal's own. */
  readonly baseUrl?: URL;
  readonly timeoutMs?: number;
}

export interface PayPalCall {
  readonly method: "GET" | "POST" | "PATCH";
  /** Below the API's address, with its query. */
  readonly path: string;
  readonly body?: unknown;
  /** PayPal-Request-Id: at most 108 characters in Orders v2. */
  readonly key?: string;
}

/** PayPal's refusal. The names are PayPal's, never text that may be a shopper's. */
export interface Refusal {
  readonly kind: "refusal";
  /** HTTP status. */
  readonly status: number;
  readonly name: string | null;
  /** The first of `details`. */
  readonly issue: string | null;
  readonly field: string | null;
  readonly retryAfterMs: number | null;
  /** PayPal's id of the request, for its support. */
  readonly debugId: string | null;
}

export type Reply =
  | { readonly kind: "answer"; readonly body: unknown }
  | Refusal
  /** Sent, and no reply: it may or may not have happened. */
  | { readonly kind: "silence"; readonly reason: "timeout" | "connection_lost" }
  /** There is no access token, so the call was not sent. */
  | { readonly kind: "unsent" };

const Text = Type.Optional(Type.Union([Type.String(), Type.Null()]));
const ErrorBody = TypeCompiler.Compile(
  Type.Object({
    name: Text,
    /** The token endpoint's name of the same. */
    error: Text,
    debug_id: Text,
    details: Type.Optional(Type.Array(Type.Object({ issue: Text, field: Text }))),
  }),
);
const Token = TypeCompiler.Compile(
  Type.Object({ access_token: Type.String({ minLength: 1 }), expires_in: Type.Number({ minimum: 0 }) }),
);

interface AccessToken {
  readonly text: string;
  /** By `performance.now()`. */
  readonly renewAt: number;
}

export class PayPalClient {
  readonly #account: PayPalAccount;
  readonly #base: string;
  readonly #timeoutMs: number;
  #token: AccessToken | null = null;
  #renewal: Promise<AccessToken | Exclude<Reply, { readonly kind: "answer" }>> | null = null;

  constructor(account: PayPalAccount) {
    this.#account = account;
    this.#base = (account.baseUrl ?? PAYPAL_API).href.replace(/\/$/, "");
    this.#timeoutMs = account.timeoutMs ?? PAYPAL_TIMEOUT_MS;
  }

  /** The deadline of a call that consists of several requests. `until`: by `performance.now()`, if it must be over sooner. */
  deadline(until = Infinity): AbortSignal {
    const leftMs = Math.min(this.#timeoutMs, Math.floor(until - performance.now()));
    return leftMs > 0 ? AbortSignal.timeout(leftMs) : AbortSignal.abort();
  }

  /** Sends it with a token. A token that PayPal no longer takes is replaced once. */
  async send(call: PayPalCall, deadline: AbortSignal): Promise<Reply> {
    const token = await this.#tokenWithin(deadline);
    if ("kind" in token) return token;
    const reply = await this.#request(call, token, deadline);
    if (reply.kind !== "refusal" || reply.status !== 401) return reply;
    if (this.#token === token) this.#token = null;
    const renewed = await this.#tokenWithin(deadline);
    return "kind" in renewed ? renewed : this.#request(call, renewed, deadline);
  }

  async #request(call: PayPalCall, token: AccessToken, deadline: AbortSignal): Promise<Reply> {
    const headers: Record<string, string> = {
      authorization: `Bearer ${token.text}`,
      accept: "application/json",
      // Otherwise the answer to a POST has ids and links only.
      prefer: "return=representation",
    };
    if (call.method !== "GET") headers["content-type"] = "application/json";
    if (call.key !== undefined) headers["paypal-request-id"] = call.key;
    const body = call.body === undefined ? (call.method === "POST" ? "{}" : null) : JSON.stringify(call.body);
    return exchange(`${this.#base}${call.path}`, { method: call.method, headers, body }, deadline);
  }

  /** The wait for a token is part of the call's time: an executor's lease must not end before its call. */
  async #tokenWithin(
    deadline: AbortSignal,
  ): Promise<AccessToken | Exclude<Reply, { readonly kind: "answer" }>> {
    const { promise, resolve } = Promise.withResolvers<{ readonly kind: "unsent" }>();
    const over = () => resolve({ kind: "unsent" });
    deadline.addEventListener("abort", over, { once: true });
    if (deadline.aborted) over();
    try {
      return await Promise.race([promise, this.#validToken()]);
    } finally {
      deadline.removeEventListener("abort", over);
    }
  }

  /** However many calls wait for a token, it is asked for once. */
  async #validToken(): Promise<AccessToken | Exclude<Reply, { readonly kind: "answer" }>> {
    if (this.#token !== null && performance.now() < this.#token.renewAt) return this.#token;
    this.#renewal ??= this.#newToken().finally(() => {
      this.#renewal = null;
    });
    return this.#renewal;
  }

  async #newToken(): Promise<AccessToken | Exclude<Reply, { readonly kind: "answer" }>> {
    const { clientId, clientSecret } = this.#account;
    const credentials = Buffer.from(`${clientId}:${clientSecret}`).toString("base64");
    const askedAt = performance.now();
    const reply = await exchange(
      `${this.#base}/v1/oauth2/token`,
      {
        method: "POST",
        headers: {
          authorization: `Basic ${credentials}`,
          accept: "application/json",
          "content-type": "application/x-www-form-urlencoded",
        },
        body: "grant_type=client_credentials",
      },
      // Half of the time, so that the call itself has the other half.
      AbortSignal.timeout(this.#timeoutMs / 2),
    );
    // Credentials that PayPal refuses are our fault; anything else passes.
    if (reply.kind === "refusal") return isOurFault(reply) ? reply : { kind: "unsent" };
    if (reply.kind !== "answer" || !Token.Check(reply.body)) return { kind: "unsent" };
    const lifeMs = reply.body.expires_in * 1_000;
    const renewAt = askedAt + Math.max(lifeMs - RENEW_BEFORE_MS, lifeMs * 0.9);
    this.#token = { text: reply.body.access_token, renewAt };
    return this.#token;
  }
}

/** OAuth answers wrong credentials with 401, and a wrong request with 400 (RFC 6749, 5.2). */
function isOurFault({ status }: Refusal): boolean {
  return status === 400 || status === 401 || status === 403;
}

async function exchange(url: string, init: RequestInit, deadline: AbortSignal): Promise<Reply> {
  try {
    const response = await fetch(url, { ...init, signal: deadline, redirect: "manual" });
    const text = await response.text();
    if (response.ok) return { kind: "answer", body: parsed(text) };
    return refusalOf(response, parsed(text));
  } catch {
    return { kind: "silence", reason: deadline.aborted ? "timeout" : "connection_lost" };
  }
}

/** A PATCH and a void are answered without a body. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function refusalOf(response: Response, body: unknown): Refusal {
  const known = ErrorBody.Check(body) ? Value.Cast(ErrorBody.Schema(), body) : {};
  const [detail] = known.details ?? [];
  return {
    kind: "refusal",
    status: response.status,
    name: nameOrNull(known.name ?? known.error),
    issue: nameOrNull(detail?.issue),
    field: fieldOrNull(detail?.field),
    retryAfterMs: retryAfterMs(response.headers.get("retry-after")),
    debugId: nameOrNull(known.debug_id ?? response.headers.get("paypal-debug-id")),
  };
}

/** A name of PayPal's API, or an id of a request; anything else could be what a shopper typed. */
function nameOrNull(text: string | null | undefined): string | null {
  return typeof text === "string" && /^[A-Za-z0-9_]{1,100}$/.test(text) ? text : null;
}

/** A JSON pointer of the request, such as /purchase_units/0/amount/value. */
function fieldOrNull(text: string | null | undefined): string | null {
  return typeof text === "string" && /^[a-z0-9_./@'=[\]]{1,100}$/.test(text) ? text : null;
}

/** RFC 9110, 10.2.3: seconds or a date. A date is useless with a clock that may be wrong; then it is 1 s. */
function retryAfterMs(text: string | null): number | null {
  if (text === null) return null;
  const seconds = Number(text);
  return Number.isFinite(seconds) && seconds >= 0 ? Math.min(seconds * 1_000, MAX_RETRY_AFTER_MS) : 1_000;
}
