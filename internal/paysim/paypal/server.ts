// The HTTP server of the simulated PayPal: the parts of Orders v2, Payments v2, Transaction Search and OAuth that a shop needs, the
// payer's page at /checkoutnow, and the control API under /_sim/ (../control.ts). What happens to money is in simulator.ts.
import { handleControl } from "../control.ts";
import { cutConnection } from "../server.ts";
import { isExpired } from "./decide.ts";
import { CERTIFICATE_PATH } from "./events.ts";
import { invalidRequest, notFound, type Refusal, renderRefusal, UNAUTHORIZED } from "./errors.ts";
import type { Named } from "./ledger.ts";
import { listTransactions } from "./listing.ts";
import { approvalPage } from "./page.ts";
import { type Addresses, renderNamed } from "./render.ts";
import { parseCapture, parseEmpty, parseOrder, parsePatch, type Parsed, parseRefund } from "./requests.ts";
import type { PayPalSimulator } from "./simulator.ts";

const MAX_BODY_BYTES = 64 * 1024;
const MAX_KEY_LENGTH = 108;
/** By default Bun closes a silent connection after 10 s, which would cut a held request too early. */
const IDLE_TIMEOUT_SECONDS = 240;
/** Nine hours, as PayPal's. */
const TOKEN_LIFE_SECONDS = 32_400;

export interface PayPalServerOptions {
  readonly simulator: PayPalSimulator;
  readonly hostname: string;
  /** 0 takes a free port. */
  readonly port: number;
  /** Where browsers reach the payer's page; default: the server itself. */
  readonly publicUrl?: string | undefined;
  /** PEM: those that sign webhook events. */
  readonly certificates?: string | undefined;
}

export class PayPalServer implements AsyncDisposable {
  readonly #simulator: PayPalSimulator;
  readonly #server: Bun.Server<undefined>;
  readonly #addresses: Addresses;
  /** Access tokens, and when they end. */
  readonly #tokens = new Map<string, number>();
  readonly #counters = { tokens: 0, requests: 0 };

  constructor({ simulator, hostname, port, publicUrl, certificates = "" }: PayPalServerOptions) {
    this.#simulator = simulator;
    this.#server = Bun.serve({
      hostname,
      port,
      idleTimeout: IDLE_TIMEOUT_SECONDS,
      maxRequestBodySize: MAX_BODY_BYTES,
      development: false,
      // Otherwise Bun shares the port with another process that uses it.
      reusePort: false,
      routes: {
        "/v1/oauth2/token": { POST: (request) => this.#token(request) },
        "/v2/checkout/orders": { POST: (request) => this.#write(request, parseOrder) },
        "/v2/checkout/orders/:id": {
          GET: (request) => this.#read(request, { kind: "order", id: request.params.id }),
          PATCH: (request) => this.#write(request, (text) => parsePatch(request.params.id, text)),
        },
        "/v2/checkout/orders/:id/capture": {
          POST: (request) =>
            this.#write(request, (text) => parseEmpty({ kind: "capture", orderId: request.params.id }, text)),
        },
        "/v2/checkout/orders/:id/authorize": {
          POST: (request) =>
            this.#write(request, (text) =>
              parseEmpty({ kind: "authorize", orderId: request.params.id }, text),
            ),
        },
        "/v2/payments/authorizations/:id": {
          GET: (request) => this.#read(request, { kind: "authorization", id: request.params.id }),
        },
        "/v2/payments/authorizations/:id/capture": {
          POST: (request) => this.#write(request, (text) => parseCapture(request.params.id, text)),
        },
        "/v2/payments/authorizations/:id/void": {
          POST: (request) =>
            this.#write(request, (text) =>
              parseEmpty({ kind: "void", authorizationId: request.params.id }, text),
            ),
        },
        "/v2/payments/captures/:id": {
          GET: (request) => this.#read(request, { kind: "capture", id: request.params.id }),
        },
        "/v2/payments/captures/:id/refund": {
          POST: (request) => this.#write(request, (text) => parseRefund(request.params.id, text)),
        },
        "/v2/payments/refunds/:id": {
          GET: (request) => this.#read(request, { kind: "refund", id: request.params.id }),
        },
        "/v1/reporting/transactions": { GET: (request) => this.#transactions(request) },
        [CERTIFICATE_PATH]: () => new Response(certificates),
        "/checkoutnow": (request) => approvalPage(request, simulator),
        "/_sim/revoke-tokens": { POST: () => this.#revoke() },
        "/_sim/*": (request) => handleControl(request, simulator, () => this.stats()),
      },
      fetch: () => this.#refuse(notFound()),
    });
    this.#addresses = { api: this.url, pages: (publicUrl ?? this.url).replace(/\/$/, "") };
  }

  get addresses(): Addresses {
    return this.#addresses;
  }

  get port(): number {
    return this.#server.port ?? 0;
  }

  get url(): string {
    return `http://${this.#server.hostname}:${this.port}`;
  }

  stats(): Record<string, number> {
    const { ledger, counters } = this.#simulator;
    return {
      ...ledger.totals,
      ...counters,
      ...this.#counters,
      keys: ledger.keys.size,
      ledger_entries: ledger.lastSeq,
    };
  }

  /** Accepts no more connections, abandons held requests, and waits for requests that are being answered. */
  async [Symbol.asyncDispose](): Promise<void> {
    const closed = this.#server.stop();
    this.#simulator.abandonHeld();
    await closed;
  }

  async #token(request: Request): Promise<Response> {
    const refused = this.#simulator.turnAway();
    if (refused !== null) return this.#refuse(refused);
    const form = new URLSearchParams(await request.text());
    const [scheme, credentials = ""] = (request.headers.get("authorization") ?? "").split(" ");
    const [id = "", secret = ""] = Buffer.from(credentials, "base64").toString().split(":");
    if (scheme !== "Basic" || id === "" || secret === "")
      return Response.json({ error: "invalid_client" }, { status: 401 });
    if (form.get("grant_type") !== "client_credentials")
      return Response.json({ error: "unsupported_grant_type" }, { status: 400 });
    await this.#simulator.delay();
    this.#counters.tokens++;
    const access_token = `A21AA${crypto.randomUUID().replaceAll("-", "")}`;
    this.#tokens.set(access_token, this.#simulator.now() + TOKEN_LIFE_SECONDS * 1_000);
    return Response.json({ access_token, token_type: "Bearer", expires_in: TOKEN_LIFE_SECONDS, nonce: "" });
  }

  #revoke(): Response {
    const revoked = this.#tokens.size;
    this.#tokens.clear();
    return Response.json({ revoked });
  }

  async #write(request: Request, parse: (text: string) => Parsed): Promise<Response> {
    const text = await request.text();
    const key = request.headers.get("paypal-request-id") || null;
    const refused = this.#simulator.turnAway() ?? this.#badToken(request) ?? badHeaders(request, key);
    if (refused !== null) return this.#refuse(refused);
    const parsed = parse(text);
    if ("refusal" in parsed) return this.#refuse(parsed.refusal);
    const outcome = await this.#simulator.execute(parsed.request, key, fingerprint(request, text));
    // No response shows an outcome before the ledger file has it, whichever request decided it.
    await this.#simulator.file.flushed();
    if (outcome.kind === "cut") return cutConnection();
    if (outcome.kind === "refused") return this.#refuse(outcome.refusal);
    if (request.method === "PATCH") return new Response(null, { status: 204, headers: this.#headers() });
    return this.#show(outcome.named, 201);
  }

  async #read(request: Request, named: Named): Promise<Response> {
    const refused = this.#simulator.turnAway() ?? this.#badToken(request);
    if (refused !== null) return this.#refuse(refused);
    await this.#simulator.delay();
    await this.#simulator.file.flushed();
    const order = named.kind === "order" ? this.#simulator.ledger.orders.get(named.id) : undefined;
    if (order !== undefined && isExpired(order, this.#simulator.now())) return this.#refuse(notFound());
    return this.#show(named, 200);
  }

  async #transactions(request: Request): Promise<Response> {
    const refused = this.#simulator.turnAway() ?? this.#badToken(request);
    if (refused !== null) return this.#refuse(refused);
    const { ledger, faults } = this.#simulator;
    if (faults.search_disabled)
      return this.#refuse({ status: 403, name: "NOT_AUTHORIZED", issue: "PERMISSION_DENIED", field: null });
    await this.#simulator.delay();
    const { searchParams } = new URL(request.url);
    const listed = listTransactions(ledger, searchParams, this.#simulator.now(), faults.search_lag_ms);
    return "refusal" in listed
      ? this.#refuse(listed.refusal)
      : Response.json(listed.body, { headers: this.#headers() });
  }

  #show(named: Named, status: number): Response {
    const body = renderNamed(this.#simulator.ledger, named, this.#addresses);
    return body === null
      ? this.#refuse(notFound())
      : Response.json(body, { status, headers: this.#headers() });
  }

  #refuse(refusal: Refusal): Response {
    const headers = this.#headers();
    const { retry_after_seconds } = this.#simulator.faults;
    if ((refusal.status === 429 || refusal.status === 503) && retry_after_seconds > 0)
      headers["retry-after"] = String(retry_after_seconds);
    const body = renderRefusal(refusal, headers["paypal-debug-id"] ?? "");
    return Response.json(body, { status: refusal.status, headers });
  }

  #headers(): Record<string, string> {
    return { "paypal-debug-id": `sim${(++this.#counters.requests).toString(36)}` };
  }

  #badToken(request: Request): Refusal | null {
    const token = (request.headers.get("authorization") ?? "").replace(/^Bearer /, "");
    const endsAt = this.#tokens.get(token);
    return endsAt !== undefined && this.#simulator.now() < endsAt ? null : UNAUTHORIZED;
  }
}

function badHeaders(request: Request, key: string | null): Refusal | null {
  const type = request.headers.get("content-type") ?? "";
  if (!type.startsWith("application/json"))
    return { status: 415, name: "UNSUPPORTED_MEDIA_TYPE", issue: null, field: null };
  if (key !== null && key.length > MAX_KEY_LENGTH)
    return invalidRequest("INVALID_PARAMETER_VALUE", "/PayPal-Request-Id");
  return null;
}

/** Equal for requests to the same endpoint with the same body. */
function fingerprint(request: Request, text: string): string {
  const path = new URL(request.url).pathname;
  return new Bun.CryptoHasher("sha1").update(JSON.stringify([path, text])).digest("base64url");
}
