// The HTTP side of the simulated PayPal: the parts of Orders v2, Payments v2, Transaction Search and OAuth that a shop needs, the
// payer's page at /checkoutnow, and the control API under /_sim/ (../control.ts). What happens to money is in simulator.ts.
import { handleControl } from "../control.ts";
import { cutConnection } from "../cut-connection.ts";
import { isExpired } from "./decide.ts";
import { CERTIFICATE_PATH } from "./events.ts";
import { invalidRequest, notFound, type Refusal, renderRefusal, UNAUTHORIZED } from "./errors.ts";
import type { Named } from "./ledger.ts";
import { listTransactions } from "./listing.ts";
import { approvalPage } from "./page.ts";
import { type Addresses, renderNamed } from "./render.ts";
import { parseCapture, parseEmpty, parseOrder, parsePatch, type Parsed, parseRefund } from "./requests.ts";
import type { PayPalSimulator } from "./simulator.ts";

const MAX_KEY_LENGTH = 108;
/** Nine hours, as PayPal's. */
const TOKEN_LIFE_SECONDS = 32_400;

type Handler = (face: PayPalFace, request: Request, id: string) => Response | Promise<Response>;

/** By method and path; the path's one id is its group. */
const ROUTES: readonly (readonly [string, RegExp, Handler])[] = [
  ["POST", /^\/v1\/oauth2\/token$/, (face, request) => face.token(request)],
  ["POST", /^\/v2\/checkout\/orders$/, (face, request) => face.write(request, parseOrder)],
  [
    "GET",
    /^\/v2\/checkout\/orders\/([^/]+)$/,
    (face, request, id) => face.read(request, { kind: "order", id }),
  ],
  [
    "PATCH",
    /^\/v2\/checkout\/orders\/([^/]+)$/,
    (face, request, id) => face.write(request, (text) => parsePatch(id, text)),
  ],
  [
    "POST",
    /^\/v2\/checkout\/orders\/([^/]+)\/capture$/,
    (face, request, id) => face.write(request, (text) => parseEmpty({ kind: "capture", orderId: id }, text)),
  ],
  [
    "POST",
    /^\/v2\/checkout\/orders\/([^/]+)\/authorize$/,
    (face, request, id) =>
      face.write(request, (text) => parseEmpty({ kind: "authorize", orderId: id }, text)),
  ],
  [
    "GET",
    /^\/v2\/payments\/authorizations\/([^/]+)$/,
    (face, request, id) => face.read(request, { kind: "authorization", id }),
  ],
  [
    "POST",
    /^\/v2\/payments\/authorizations\/([^/]+)\/capture$/,
    (face, request, id) => face.write(request, (text) => parseCapture(id, text)),
  ],
  [
    "POST",
    /^\/v2\/payments\/authorizations\/([^/]+)\/void$/,
    (face, request, id) =>
      face.write(request, (text) => parseEmpty({ kind: "void", authorizationId: id }, text)),
  ],
  [
    "GET",
    /^\/v2\/payments\/captures\/([^/]+)$/,
    (face, request, id) => face.read(request, { kind: "capture", id }),
  ],
  [
    "POST",
    /^\/v2\/payments\/captures\/([^/]+)\/refund$/,
    (face, request, id) => face.write(request, (text) => parseRefund(id, text)),
  ],
  [
    "GET",
    /^\/v2\/payments\/refunds\/([^/]+)$/,
    (face, request, id) => face.read(request, { kind: "refund", id }),
  ],
  ["GET", /^\/v1\/reporting\/transactions$/, (face, request) => face.transactions(request)],
  ["POST", /^\/_sim\/revoke-tokens$/, (face) => face.revokeTokens()],
];

export interface PayPalFaceOptions {
  readonly simulator: PayPalSimulator;
  /** PEM: those that sign webhook events. */
  readonly certificates?: string | undefined;
}

export class PayPalFace {
  readonly #simulator: PayPalSimulator;
  readonly #certificates: string;
  /** Where the API and the payer's page are reached. Set once the server listens. */
  addresses: Addresses = { api: "", pages: "" };
  /** Access tokens, and when they end. */
  readonly #tokens = new Map<string, number>();
  readonly #counters = { tokens: 0, requests: 0 };

  constructor({ simulator, certificates = "" }: PayPalFaceOptions) {
    this.#simulator = simulator;
    this.#certificates = certificates;
  }

  /** Answers one request. `path` is what follows the address of the API. */
  async answer(request: Request, path: string): Promise<Response> {
    const simulator = this.#simulator;
    if (path === "/checkoutnow")
      return approvalPage(request, simulator, `${this.addresses.pages}/checkoutnow`);
    if (path === CERTIFICATE_PATH) return new Response(this.#certificates);
    for (const [method, pattern, handle] of ROUTES) {
      const matched = method === request.method ? pattern.exec(path) : null;
      if (matched !== null) return handle(this, request, matched[1] ?? "");
    }
    if (path.startsWith("/_sim/")) return handleControl(request, path, simulator, () => this.stats());
    return this.#refuse(notFound());
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

  async token(request: Request): Promise<Response> {
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

  revokeTokens(): Response {
    const revoked = this.#tokens.size;
    this.#tokens.clear();
    return Response.json({ revoked });
  }

  async write(request: Request, parse: (text: string) => Parsed): Promise<Response> {
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

  async read(request: Request, named: Named): Promise<Response> {
    const refused = this.#simulator.turnAway() ?? this.#badToken(request);
    if (refused !== null) return this.#refuse(refused);
    await this.#simulator.delay();
    await this.#simulator.file.flushed();
    const order = named.kind === "order" ? this.#simulator.ledger.orders.get(named.id) : undefined;
    if (order !== undefined && isExpired(order, this.#simulator.now())) return this.#refuse(notFound());
    return this.#show(named, 200);
  }

  async transactions(request: Request): Promise<Response> {
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
    const body = renderNamed(this.#simulator.ledger, named, this.addresses);
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
