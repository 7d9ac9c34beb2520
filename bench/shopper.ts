// A shopper that only uses the public API. Used by the load scenarios, the demo and the tests of the compiled binaries. Imports only
// schemas/ and the kernel, so that it cannot share a mistake with the tested code.
import { TypeCompiler } from "@sinclair/typebox/compiler";
import { SignJWT } from "jose";
import {
  ActionExtended,
  CheckoutAccepted,
  type CheckoutRequest,
  OrderCancellationView,
  OrderPage,
  type OrderView,
  PaymentAction,
  PaymentCheck,
  Problem,
  SagaStatusView,
} from "../schemas/http.ts";

// An answer that violates the contract is a fault of the system under test and must throw.
const actionExtended = TypeCompiler.Compile(ActionExtended);
const accepted = TypeCompiler.Compile(CheckoutAccepted);
const orderCancellation = TypeCompiler.Compile(OrderCancellationView);
const orderPage = TypeCompiler.Compile(OrderPage);
const problemBody = TypeCompiler.Compile(Problem);
const paymentAction = TypeCompiler.Compile(PaymentAction);
const paymentCheck = TypeCompiler.Compile(PaymentCheck);
const statusView = TypeCompiler.Compile(SagaStatusView);

const TOKEN_TTL_SECONDS = 24 * 60 * 60;
const REQUEST_TIMEOUT_MS = 10_000;
/** The maximum wait of a single status request. */
const MAX_WAIT_SECONDS = 20;
const RETRY_DELAY_MS = 250;

export interface ShopperOptions {
  /** Base URL of the gateway. */
  readonly gateway: string;
  /** The gateway's development secret. */
  readonly jwtSecret: string;
  readonly userId: string;
  /** Sends the requests. Default: `fetch`. */
  readonly post?: Post;
}

/** Sends a body to a path of the gateway. Rejects if there is no answer. */
export type Post = (
  path: string,
  headers: Readonly<Record<string, string>>,
  body: string,
) => Promise<{ readonly status: number; readonly text: string }>;

/** An accepted checkout. `attempts` counts the requests with the same Idempotency-Key. */
export interface Placed {
  readonly saga_id: string;
  readonly attempts: number;
}

/** The gateway rejected the checkout for good: it does not exist. */
export class Refused extends Error {
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(`${problem.status} ${problem.title}${problem.detail === undefined ? "" : `: ${problem.detail}`}`);
    this.problem = problem;
  }
}

export class Shopper {
  readonly #gateway: string;
  readonly #authorization: string;
  readonly #post: Post;

  private constructor(gateway: string, token: string, post: Post) {
    this.#gateway = gateway;
    this.#authorization = `Bearer ${token}`;
    this.#post = post;
  }

  /** With a token of another issuer. */
  static withToken(gateway: string, token: string): Shopper {
    return new Shopper(gateway, token, postByFetch(gateway));
  }

  static async signIn({ gateway, jwtSecret, userId, post }: ShopperOptions): Promise<Shopper> {
    // Read once: a token over the end of a second would live one second longer than the gateway accepts.
    const issuedAt = Math.floor(Date.now() / 1_000);
    const token = await new SignJWT({})
      .setProtectedHeader({ alg: "HS256", typ: "JWT" })
      .setSubject(userId)
      .setIssuedAt(issuedAt)
      .setExpirationTime(issuedAt + TOKEN_TTL_SECONDS)
      .sign(new TextEncoder().encode(jwtSecret));
    return new Shopper(gateway, token, post ?? postByFetch(gateway));
  }

  /**
   * Places a checkout. If the gateway is unreachable or answers 503, it retries with the same key until `giveUpAt` (epoch ms), like a
   * shop's page. Throws `Refused` on any other rejection.
   */
  async checkout(request: CheckoutRequest, idempotencyKey: string, giveUpAt: number): Promise<Placed> {
    for (let attempts = 1; ; attempts++) {
      const answer = await this.#try(request, idempotencyKey);
      if (!(answer instanceof Error)) return { ...answer, attempts };
      if (answer instanceof Refused || Date.now() >= giveUpAt) throw answer;
      await Bun.sleep(RETRY_DELAY_MS);
    }
  }

  /** Waits until the saga has finished, at most until `giveUpAt` (epoch ms), and returns its status. Null if it does not exist. */
  async status(sagaId: string, giveUpAt: number): Promise<SagaStatusView | null> {
    for (;;) {
      const left = Math.max(0, giveUpAt - Date.now()) / 1_000;
      const wait = Math.min(MAX_WAIT_SECONDS, left);
      const view = await this.look(sagaId, wait);
      if (view !== undefined && (view === null || view.completed_at !== null || left === 0)) return view;
      if (view === undefined) await Bun.sleep(RETRY_DELAY_MS);
      if (view === undefined && left === 0) throw new Error(`the gateway gave no status of saga ${sagaId}`);
    }
  }

  /**
   * One status request that waits until the saga has finished, at most `waitSeconds`. Null if the saga does not exist, undefined if
   * there was no answer.
   */
  async look(sagaId: string, waitSeconds: number): Promise<SagaStatusView | null | undefined> {
    try {
      const response = await fetch(`${this.#gateway}/api/v1/saga/${sagaId}/status?wait=${waitSeconds}`, {
        headers: { authorization: this.#authorization },
        signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS + waitSeconds * 1_000),
      });
      if (response.status === 404) return null;
      return response.ok ? statusView.Decode(await response.json()) : undefined;
    } catch {
      return undefined;
    }
  }

  /** The bank's page for a payment that the shopper must confirm; null if there is none (yet). */
  async action(sagaId: string): Promise<PaymentAction | null> {
    const response = await this.#call(`/api/v1/saga/${sagaId}/action`, "GET");
    return response.ok ? paymentAction.Decode(await response.json()) : null;
  }

  /** Tells the shop that the shopper is back from the bank. Returns whether the payment is looked up now. */
  async back(sagaId: string): Promise<boolean> {
    const response = await this.#call(`/api/v1/saga/${sagaId}/check`, "POST");
    return response.ok && paymentCheck.Decode(await response.json()).checking;
  }

  /** Asks for more time to confirm. Until when the checkout waits now; null if it does not wait longer. */
  async moreTime(sagaId: string): Promise<string | null> {
    const response = await this.#call(`/api/v1/saga/${sagaId}/extend`, "POST");
    return response.ok ? actionExtended.Decode(await response.json()).expires_at : null;
  }

  /** All orders of this shopper, newest first. */
  async orders(): Promise<readonly OrderView[]> {
    const orders: OrderView[] = [];
    for (let after: string | null = ""; after !== null;) {
      const response = await this.#call(`/api/v1/orders${after === "" ? "" : `?after=${after}`}`, "GET");
      if (!response.ok) throw new Error(`the gateway gave no orders: ${response.status}`);
      const page = orderPage.Decode(await response.json());
      orders.push(...page.orders);
      after = page.next;
    }
    return orders;
  }

  /** Cancels an order that is not sent. Returns how far that is; null if it cannot be cancelled. */
  async cancelOrder(orderId: string): Promise<OrderCancellationView["status"] | null> {
    const response = await this.#call(`/api/v1/orders/${orderId}/cancel`, "POST");
    return response.ok ? orderCancellation.Decode(await response.json()).status : null;
  }

  /**
   * Presses a button of the bank's page, or of PayPal's, and returns where that leads; null if the page is closed. Throws if the bank is
   * away.
   */
  async answerBank({ url }: PaymentAction, answer: "confirm" | "refuse"): Promise<string | null> {
    const body = answerForm(url, answer);
    const signal = AbortSignal.timeout(REQUEST_TIMEOUT_MS);
    const response = await fetch(url, { method: "POST", body, redirect: "manual", signal });
    await response.body?.cancel();
    if (response.status === 410) return null;
    const location = response.headers.get("location");
    if (location === null) throw new Error(`the bank's page answered ${response.status}`);
    return location;
  }

  #call(path: string, method: string): Promise<Response> {
    const headers = { authorization: this.#authorization };
    const signal = AbortSignal.timeout(REQUEST_TIMEOUT_MS);
    return fetch(this.#gateway + path, { method, headers, signal });
  }

  async #try(request: CheckoutRequest, key: string): Promise<CheckoutAccepted | Error> {
    try {
      const headers = {
        authorization: this.#authorization,
        "content-type": "application/json",
        "idempotency-key": key,
      };
      const { status, text } = await this.#post("/api/v1/checkout", headers, JSON.stringify(request));
      if (status === 202) return accepted.Decode(JSON.parse(text));
      if (status === 503) return new Error(`503: ${text}`);
      return new Refused(problemBody.Decode(JSON.parse(text)));
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error));
    }
  }
}

/** PayPal's page knows the payment by its `token`, the bank's page of a card by its `client_secret`. */
function answerForm(url: string, answer: "confirm" | "refuse"): URLSearchParams {
  const { searchParams } = new URL(url);
  const token = searchParams.get("token");
  return token === null
    ? new URLSearchParams({ client_secret: searchParams.get("client_secret") ?? "", answer })
    : new URLSearchParams({ token, answer: answer === "confirm" ? "approve" : "refuse" });
}

function postByFetch(gateway: string): Post {
  return async (path, headers, body) => {
    const response = await fetch(`${gateway}${path}`, {
      method: "POST",
      headers,
      body,
      signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
    });
    return { status: response.status, text: await response.text() };
  };
}

/** A complete checkout request with one unit of each SKU. */
export function cartOf(
  skuIds: readonly string[],
  paymentMethod: string,
  currency: string,
  country = "DE",
): CheckoutRequest {
  return {
    items: skuIds.map((sku_id) => ({ sku_id, quantity: 1 })),
    currency,
    email: "shopper@example.com",
    payment_method: paymentMethod,
    shipping_address: {
      name: "Ada Shopper",
      line1: "1 Analytical Street",
      city: "Townsville",
      postal_code: "10115",
      country,
    },
  };
}
