// The provider's HTTP server: Stripe's endpoints under /v1/, the control API under /_sim/ (control.ts). Stripe's headers and statuses
// are here; what happens to money is in simulator.ts.
import type { ProviderError } from "../../schemas/provider-ledger.ts";
import { assertNever } from "../kernel/errors.ts";
import { bankPage } from "./bank.ts";
import { cutConnection } from "./cut-connection.ts";
import { handleControl, statsOf } from "./control.ts";
import { invalidRequest, noSuch, parameterUnknown, unauthorized } from "./errors.ts";
import { badExpand, wantsCharge } from "./expand.ts";
import type { Intent } from "./ledger.ts";
import { type Listed, listDisputes, listIntents, listRefunds, searchIntents } from "./listing.ts";
import {
  renderAnswer,
  renderDispute,
  type Rendered,
  renderError,
  renderIntent,
  renderRefund,
} from "./render.ts";
import {
  parseCancel,
  parseCapture,
  parseCreate,
  type Parsed,
  parseRefund,
  type ProviderRequest,
} from "./requests.ts";
import type { Outcome, Simulator } from "./simulator.ts";

/** Far above an intent with 50 metadata keys. */
const MAX_BODY_BYTES = 64 * 1024;
const MAX_KEY_LENGTH = 255;
/** By default Bun closes a silent connection after 10 s, which would cut a held request too early. */
const IDLE_TIMEOUT_SECONDS = 240;

/** Below it is PayPal's API. */
export const PAYPAL_PREFIX = "/paypal";

export interface ProviderServerOptions {
  readonly simulator: Simulator;
  readonly hostname: string;
  /** 0 takes a free port. */
  readonly port: number;
  /** Where browsers reach the bank's page; default: the server itself. */
  readonly publicUrl?: string | undefined;
  /** Answers what is below /paypal; `path` is what follows. Without it there is no PayPal. */
  readonly paypal?: ((request: Request, path: string) => Promise<Response>) | undefined;
}

export class ProviderServer implements AsyncDisposable {
  readonly #simulator: Simulator;
  readonly #server: Bun.Server<undefined>;
  #requestCount = 0;
  readonly #startedMs: number;

  constructor({ simulator, hostname, port, publicUrl, paypal }: ProviderServerOptions) {
    this.#simulator = simulator;
    this.#startedMs = simulator.now();
    this.#server = Bun.serve({
      hostname,
      port,
      idleTimeout: IDLE_TIMEOUT_SECONDS,
      maxRequestBodySize: MAX_BODY_BYTES,
      development: false,
      // Otherwise Bun shares the port with another process that uses it.
      reusePort: false,
      routes: {
        "/v1/payment_intents": {
          GET: (request) => this.#read(request, () => this.#list(request, "intents")),
          POST: (request) => this.#write(request, parseCreate),
        },
        "/v1/payment_intents/search": {
          GET: (request) => this.#read(request, () => this.#search(request)),
        },
        "/v1/payment_intents/:id": {
          GET: (request) => this.#read(request, () => this.#intent(request, request.params.id)),
        },
        "/v1/payment_intents/:id/capture": {
          POST: (request) => this.#write(request, (form) => parseCapture(request.params.id, form)),
        },
        "/v1/payment_intents/:id/cancel": {
          POST: (request) => this.#write(request, (form) => parseCancel(request.params.id, form)),
        },
        "/v1/refunds": {
          GET: (request) => this.#read(request, () => this.#list(request, "refunds")),
          POST: (request) => this.#write(request, parseRefund),
        },
        "/v1/refunds/:id": {
          GET: (request) => this.#read(request, () => this.#refund(request.params.id)),
        },
        "/v1/disputes": { GET: (request) => this.#read(request, () => this.#list(request, "disputes")) },
        "/v1/disputes/:id": {
          GET: (request) => this.#read(request, () => this.#dispute(request.params.id)),
        },
        "/bank/:intent": (request) => bankPage(request, request.params.intent, simulator),
        "/_sim/*": (request) =>
          handleControl(request, new URL(request.url).pathname, simulator, () => statsOf(simulator)),
        [`${PAYPAL_PREFIX}/*`]: (request: Request) => {
          const path = new URL(request.url).pathname.slice(PAYPAL_PREFIX.length);
          return paypal?.(request, path) ?? new Response("there is no PayPal face\n", { status: 404 });
        },
      },
      fetch: (request) => {
        const url = `${request.method}: ${new URL(request.url).pathname}`;
        const message = `Unrecognized request URL (${url}).`;
        return this.#respond(request, renderError({ ...invalidRequest(message), status: 404 }));
      },
    });
    simulator.bankUrl = (publicUrl ?? this.url).replace(/\/$/, "");
  }

  get port(): number {
    return this.#server.port ?? 0;
  }

  get url(): string {
    return `http://${this.#server.hostname}:${this.port}`;
  }

  /** Accepts no more connections, abandons held requests, and waits for requests that are being answered. */
  async [Symbol.asyncDispose](): Promise<void> {
    const closed = this.#server.stop();
    this.#simulator.abandonHeld();
    await closed;
  }

  async #write<T extends ProviderRequest>(
    request: Request,
    parse: (form: ReadonlyMap<string, string>) => Parsed<T>,
  ): Promise<Response> {
    const text = await request.text();
    const key = request.headers.get("idempotency-key") || null;
    const refused =
      this.#simulator.turnAway() ?? refusedApiKey(request) ?? badEncoding(request, text) ?? badKey(key);
    if (refused !== null) return this.#respond(request, renderError(refused));
    const form = new Map(new URLSearchParams(text));
    const { unknown_parameters } = this.#simulator.faults;
    const unknown = [...form.keys()].find((name) => unknown_parameters.includes(name.split("[", 1)[0] ?? ""));
    if (unknown !== undefined) return this.#respond(request, renderError(parameterUnknown(unknown)));
    const parsed = parse(form);
    if ("error" in parsed) return this.#respond(request, renderError(parsed.error));
    const outcome = await this.#simulator.execute(parsed.request, key, fingerprint(request, form));
    return this.#deliver(request, outcome, wantsCharge(form));
  }

  async #deliver(request: Request, outcome: Outcome, withCharge: boolean): Promise<Response> {
    // No response shows an outcome before the ledger file has it, whichever request decided it.
    await this.#simulator.file.flushed();
    if (outcome.kind === "cut") return cutConnection();
    const rendered = renderAnswer(outcome.answer, this.#simulator.bankUrl, withCharge);
    return this.#respond(request, rendered, outcome.replayed);
  }

  async #read(request: Request, render: () => Rendered): Promise<Response> {
    const refused = this.#simulator.turnAway() ?? refusedApiKey(request);
    if (refused !== null) return this.#respond(request, renderError(refused));
    await this.#simulator.delay();
    this.#simulator.endHolds();
    const rendered = render();
    await this.#simulator.file.flushed();
    return this.#respond(request, rendered);
  }

  #intent(request: Request, id: string): Rendered {
    const intent = this.#simulator.ledger.intents.get(id);
    if (intent === undefined) return renderError(noSuch("payment_intent", id, "intent", 404));
    const { searchParams } = new URL(request.url);
    const unexpandable = badExpand(searchParams, "");
    if (unexpandable !== null) return renderError(unexpandable);
    return { status: 200, body: this.#rendererFor(searchParams)(intent) };
  }

  #rendererFor(query: URLSearchParams): (intent: Intent) => Record<string, unknown> {
    const withCharge = wantsCharge(query);
    return (intent) => renderIntent(intent, this.#simulator.bankUrl, withCharge);
  }

  #refund(id: string): Rendered {
    const refund = this.#simulator.ledger.refunds.get(id);
    if (refund === undefined) return renderError(noSuch("refund", id, "refund", 404));
    return { status: 200, body: renderRefund(refund) };
  }

  #dispute(id: string): Rendered {
    const dispute = this.#simulator.ledger.disputes.get(id);
    if (dispute === undefined) return renderError(noSuch("dispute", id, "dispute", 404));
    return { status: 200, body: renderDispute(dispute) };
  }

  #list(request: Request, what: "intents" | "refunds" | "disputes"): Rendered {
    const { ledger } = this.#simulator;
    const { pathname, searchParams } = new URL(request.url);
    const frame = { object: "list", url: pathname };
    switch (what) {
      case "intents":
        return renderList(listIntents(ledger, searchParams), this.#rendererFor(searchParams), frame);
      case "refunds":
        return renderList(listRefunds(ledger, searchParams), renderRefund, frame);
      case "disputes":
        return renderList(listDisputes(ledger, searchParams), renderDispute, frame);
      default:
        return assertNever(what);
    }
  }

  #search(request: Request): Rendered {
    const { ledger, faults } = this.#simulator;
    if (faults.search_disabled)
      return renderError(invalidRequest("Search is not available for this account."));
    const { pathname, searchParams } = new URL(request.url);
    const found = searchIntents(ledger, searchParams, this.#simulator.now(), faults.search_lag_ms);
    const frame = { object: "search_result", url: pathname, next_page: found.nextPage };
    return renderList(found, this.#rendererFor(searchParams), frame);
  }

  #respond(request: Request, { status, body }: Rendered, replayed = false): Response {
    const headers: Record<string, string> = {
      "content-type": "application/json",
      "request-id": `req_${this.#startedMs.toString(36)}${(++this.#requestCount).toString(36)}`,
    };
    const key = request.headers.get("idempotency-key");
    if (key !== null) headers["idempotency-key"] = key;
    if (replayed) headers["idempotent-replayed"] = "true";
    const { retry_after_seconds } = this.#simulator.faults;
    if ((status === 429 || status === 503) && retry_after_seconds > 0)
      headers["retry-after"] = String(retry_after_seconds);
    const version = request.headers.get("stripe-version");
    if (version !== null) headers["stripe-version"] = version;
    return new Response(JSON.stringify(body), { status, headers });
  }
}

function renderList<T>(
  listed: Listed<T>,
  render: (item: T) => unknown,
  frame: Readonly<Record<string, unknown>>,
): Rendered {
  if ("error" in listed) return renderError(listed.error);
  const { data, hasMore } = listed.page;
  return { status: 200, body: { ...frame, has_more: hasMore, data: data.map((item) => render(item)) } };
}

/** Accepts any test key. A live key is refused: it must never be sent to a simulator. */
function refusedApiKey(request: Request): ProviderError | null {
  const header = request.headers.get("authorization");
  return header !== null && /^Bearer sk_test_\w+$/.test(header) ? null : unauthorized(header);
}

function badEncoding(request: Request, text: string): ProviderError | null {
  const type = request.headers.get("content-type") ?? "";
  if (text === "" || type.startsWith("application/x-www-form-urlencoded")) return null;
  return invalidRequest(`The content type was ${type}, but v1 takes application/x-www-form-urlencoded.`);
}

function badKey(key: string | null): ProviderError | null {
  if (key === null || key.length <= MAX_KEY_LENGTH) return null;
  return {
    ...invalidRequest(`Idempotency keys have at most ${MAX_KEY_LENGTH} characters.`),
    type: "idempotency_error",
  };
}

/** Equal for requests to the same endpoint with the same parameters in any order. */
function fingerprint(request: Request, form: ReadonlyMap<string, string>): string {
  const parameters = [...form].toSorted(([a], [b]) => (a < b ? -1 : 1));
  const text = JSON.stringify([new URL(request.url).pathname, parameters]);
  return new Bun.CryptoHasher("sha1").update(text).digest("base64url");
}
