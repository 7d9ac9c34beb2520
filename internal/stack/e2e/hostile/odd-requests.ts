// Requests that no page of ours sends. Each has the statuses that are right for it; nothing of them may be created. Called by
// hostile.e2e.test.ts.
import { cartOf } from "../../../../bench/shopper.ts";

export const SKU = "hostile-tea";
const CART = cartOf([SKU], "pm_card_visa", "EUR");
const [ITEM] = CART.items;

export interface OddRequest {
  readonly what: string;
  readonly path: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array<ArrayBuffer>;
  /** `Idempotency-Key`; `null` sends none. Default: a new one. */
  readonly key?: string | null;
  readonly expected: readonly number[];
}

const checkout = (what: string, body: unknown, expected: readonly number[] = [422]): OddRequest => ({
  what,
  path: "/api/v1/checkout",
  method: "POST",
  body: typeof body === "string" ? body : isBytes(body) ? body : JSON.stringify(body),
  expected,
});
function isBytes(body: unknown): body is Uint8Array<ArrayBuffer> {
  return body instanceof Uint8Array;
}
const withItem = (what: string, changes: object) =>
  checkout(what, { ...CART, items: [{ ...ITEM, ...changes }] });
const quantity = (number: string) => JSON.stringify(CART).replace('"quantity":1', `"quantity":${number}`);

const NUMBERS = [
  "-1",
  "0",
  "1.5",
  "1e309",
  "-0",
  "9007199254740993",
  "1e-7",
  '"1"',
  "[1]",
  "true",
  "null",
  "{}",
];

const BODIES: readonly OddRequest[] = [
  ...NUMBERS.map((number) => checkout(`a quantity of ${number}`, quantity(number))),
  checkout("a total of -1", { ...CART, expected_total_cents: -1 }),
  withItem("a price that the shopper sets", { unit_price_cents: 1 }),
  checkout("a user that the shopper sets", { ...CART, user_id: "01890000-0000-7000-8000-0000000000aa" }),
  checkout("a status that the shopper sets", { ...CART, status: "COMPLETED" }),
  checkout("a prototype", `{"__proto__":{"currency":"EUR"},${JSON.stringify(CART).slice(1)}`),
  checkout("a constructor", { ...CART, constructor: { prototype: { admin: true } } }),
  checkout("no items", { ...CART, items: [] }),
  checkout("1,000 items", { ...CART, items: Array.from({ length: 1_000 }, () => ITEM) }),
  checkout("an item that is a list", { ...CART, items: [[ITEM]] }),
  checkout("a SKU that is a query", { ...CART, items: [{ sku_id: { $ne: "" }, quantity: 1 }] }),
  checkout("a SKU that is SQL", { ...CART, items: [{ sku_id: "'; drop table sagas; --", quantity: 1 }] }),
  checkout("a currency of another shape", { ...CART, currency: "eur'--" }),
  checkout("a mail with a second header", { ...CART, email: "a@b.example\r\nBcc: c@d.example" }),
  checkout("an empty payment method", { ...CART, payment_method: "" }),
  checkout("lists 30,000 deep", "[".repeat(30_000), [400, 422]),
  checkout("objects 10,000 deep", `${'{"a":'.repeat(10_000)}1${"}".repeat(10_000)}`, [400, 422]),
  checkout("a text of 60,000 letters", { ...CART, email: `${"x".repeat(60_000)}@b.example` }),
  checkout("no text at all", "", [400, 422]),
  checkout("half a body", JSON.stringify(CART).slice(0, -20), [400]),
  checkout("two bodies", `${JSON.stringify(CART)}${JSON.stringify(CART)}`, [400]),
  checkout("a comment", `/* hello */ ${JSON.stringify(CART)}`, [400]),
  checkout("NaN", quantity("NaN"), [400]),
  checkout("bytes that are not UTF-8", new Uint8Array([0x7b, 0xff, 0xfe, 0x7d]), [400, 422]),
  checkout("UTF-16", new Uint8Array(Buffer.from(JSON.stringify(CART), "utf16le")), [400, 422]),
  checkout("a body above the limit", JSON.stringify({ ...CART, email: "x".repeat(70_000) }), [413]),
  checkout("a body far above the limit", "x".repeat(3 * 1_024 * 1_024), [413]),
];

const TYPES: readonly OddRequest[] = [
  "text/plain",
  "application/x-www-form-urlencoded",
  "multipart/form-data; boundary=x",
  "application/xml",
  "application/jsonp",
  "*/*",
].map((type) => ({
  ...checkout(`the content type ${type}`, CART, [415]),
  headers: { "content-type": type },
}));

const KEYS: readonly OddRequest[] = [
  { ...checkout("no idempotency key", CART, [400]), key: null },
  { ...checkout("an empty idempotency key", CART, [400]), key: "" },
  { ...checkout("an idempotency key of 5,000 letters", CART, [400]), key: "k".repeat(5_000) },
];

const get = (path: string, expected: readonly number[]): OddRequest => ({
  what: path.slice(0, 80),
  path,
  expected,
});
const PATHS: readonly OddRequest[] = [
  get("/api/v1/../../etc/passwd", [404]),
  get("/api/v1/orders/..%2f..%2f..%2fetc%2fpasswd", [404]),
  get("/assets/..%2f..%2fpackage.json", [404]),
  get("/assets/%2e%2e/%2e%2e/etc/passwd", [404]),
  get("//api//v1//orders", [404]),
  get("/API/V1/ORDERS", [404]),
  get("/api/v1/saga/__proto__/status", [404]),
  get("/api/v1/orders/constructor", [404]),
  get("/api/v1/orders/%00", [404]),
  get("/api/v1/orders/%ff%fe", [404]),
  get("/api/v1/orders/%27%20or%201=1--", [404]),
  get(`/api/v1/orders/${"9".repeat(3_000)}`, [404]),
  get("/products/%3Cscript%3Ealert(1)%3C%2Fscript%3E", [404]),
  get("/api/v1/orders?after=%27%3B%20drop%20table%20orders--", [400]),
  get("/api/v1/orders?limit=-1", [400]),
  get("/api/v1/orders?limit=1e9", [400]),
  get("/api/v1/products?after=%00", [400]),
  get("/metrics", [404]),
  get("/healthz", [404]),
  get("/_sim/faults", [404]),
  get("/.env", [404]),
  get("/.git/config", [404]),
];

const METHODS: readonly OddRequest[] = ["PUT", "DELETE", "PATCH"].flatMap((method) => [
  { what: `${method} of a checkout`, path: "/api/v1/checkout", method, expected: [405] },
  { what: `${method} of an order`, path: "/api/v1/orders", method, expected: [405] },
  { what: `${method} of a page`, path: "/cart", method, expected: [404, 405] },
]);

export const ODD_REQUESTS: readonly OddRequest[] = [...BODIES, ...TYPES, ...KEYS, ...PATHS, ...METHODS];

const LINES = "Host: 127.0.0.1\r\nConnection: close\r\n";
/** Written to the socket as they are; each gets at most one answer, and no 2xx. */
export const ODD_BYTES: Readonly<Record<string, string>> = {
  "TRACE, which sends a request back": `TRACE / HTTP/1.1\r\n${LINES}X-Secret: hello\r\n\r\n`,
  "CONNECT, as to a proxy": "CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: 127.0.0.1:22\r\n\r\n",
  "a method of its own": `BREW / HTTP/1.1\r\n${LINES}\r\n`,
  "another server's name": "GET / HTTP/1.1\r\nHost: elsewhere.example\r\nConnection: close\r\n\r\n",
  "a name that is none": "GET / HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n",
  "a full address of another server":
    "GET http://elsewhere.example/ HTTP/1.1\r\nHost: elsewhere.example\r\nConnection: close\r\n\r\n",
  "headers of 40 KB": `GET / HTTP/1.1\r\n${LINES}X-Big: ${"x".repeat(40_000)}\r\n\r\n`,
  "2,000 headers": `GET / HTTP/1.1\r\n${LINES}${"X-Many: 1\r\n".repeat(2_000)}\r\n`,
  "a length and chunks": `POST /api/v1/checkout HTTP/1.1\r\n${LINES}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  "two lengths": `POST /api/v1/checkout HTTP/1.1\r\n${LINES}Content-Length: 4\r\nContent-Length: 5\r\n\r\n{}{}`,
  "a length below 0": `POST /api/v1/checkout HTTP/1.1\r\n${LINES}Content-Length: -1\r\n\r\n`,
  "a length that is no number": `POST /api/v1/checkout HTTP/1.1\r\n${LINES}Content-Length: 1e3\r\n\r\n`,
  "another protocol": "SSH-2.0-OpenSSH_9.2\r\n\r\n",
  "a TLS greeting": "\u0016\u0003\u0001\u0000\u00a5\u0001\u0000\u0000\u00a1\u0003\u0003",
  "HTTP/9.9": `GET / HTTP/9.9\r\n${LINES}\r\n`,
};
