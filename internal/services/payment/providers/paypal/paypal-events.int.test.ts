// Webhook events of the simulated PayPal, signed with a certificate of an authority that the receiver knows: genuine ones are read, and
// everything that a stranger could send is refused.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { signedHeaders } from "../../../../paysim/paypal/events.ts";
import { TestPayPal } from "../../../../paysim/paypal/test-paypal.ts";
import { waitFor } from "../../../../paysim/test-provider.ts";
import { CertificateAuthority } from "../../../../stack/secure/certificate-authority.ts";
import type { OpenedEvent } from "../webhook-reader.ts";
import { Certificates, type CertificateRules } from "./paypal-certificates.ts";
import { paypalWebhooks } from "./paypal-events.ts";
import { PayPalLedger } from "./paypal-ledger.ts";
import { PayPalProvider } from "./paypal.ts";

const SAGA = "0198c0de-0000-7000-8000-000000000001";
const WEBHOOK_ID = "1JE4291016473214C";
const DAY_MS = 86_400_000;
const folder = mkdtempSync(join(tmpdir(), "paypal-events-"));
afterAll(() => rmSync(folder, { recursive: true }));

interface Signer {
  readonly certificates: string;
  readonly key: string;
}
let root: string;
let paypals: Signer;
let ofAnother: Signer;
let ofSomebody: Signer;
let onCurve: Signer;
let authority: Signer;

beforeAll(async () => {
  const open = (name: string) => CertificateAuthority.open(join(folder, name));
  const [one, other] = [await open("one"), await open("other")];
  root = readFileSync(one.caFile, "utf8");
  paypals = await signerOf(one, { name: "events.127.0.0.1", key: "rsa" });
  ofSomebody = await signerOf(one, { name: "events.attacker.test", key: "rsa" });
  onCurve = await signerOf(one, { name: "curve.127.0.0.1" });
  ofAnother = await signerOf(other, { name: "events.127.0.0.1", key: "rsa" });
  authority = { certificates: root, key: readFileSync(join(folder, "one", "ca.key"), "utf8") };
});

async function signerOf(
  from: CertificateAuthority,
  request: { readonly name: string; readonly key?: "rsa" },
) {
  const { certFile, keyFile } = await from.issue(request);
  return { certificates: readFileSync(certFile, "utf8"), key: readFileSync(keyFile, "utf8") };
}

interface Received {
  readonly body: Uint8Array;
  readonly headers: Headers;
}
let received: Received[];
let answers: number[];
let fetches: number;
let slow: number;
let sentBytes: number;
let served: string;
let receiver: Bun.Server<undefined>;
let paypal: TestPayPal;

function certificate(): Response {
  fetches += 1;
  return served === "" ? new Response("", { status: 503 }) : new Response(served);
}

beforeEach(() => {
  received = [];
  answers = [];
  fetches = 0;
  slow = 0;
  sentBytes = 0;
  served = paypals.certificates;
  receiver = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    routes: {
      "/certificate": certificate,
      "/certificate/:name": certificate,
      "/slow/:name": async () => {
        slow += 1;
        await Bun.sleep(100);
        return new Response("", { status: 404 });
      },
      "/endless": () =>
        new Response(
          new ReadableStream({
            async pull(controller) {
              await Bun.sleep(1);
              sentBytes += 65_536;
              controller.enqueue(new Uint8Array(65_536));
            },
          }),
        ),
      "/elsewhere": () => Response.redirect(`http://127.0.0.1:${receiver.port}/certificate`),
    },
    async fetch(request) {
      received.push({ body: await request.bytes(), headers: request.headers });
      return new Response(null, { status: answers.shift() ?? 200 });
    },
  });
  paypal = new TestPayPal({ url: receiver.url.href, webhookId: WEBHOOK_ID, ...paypals });
  paypal.setFaults({ webhook_delay_ms: 0 });
});
afterEach(async () => {
  await paypal[Symbol.asyncDispose]();
  await receiver.stop(true);
});

function rules(changes: Partial<CertificateRules> = {}): CertificateRules {
  const clock = { now: () => Date.now() };
  return { hosts: ["127.0.0.1"], roots: [root], allowsHttp: true, clock, ...changes };
}

function reader(changes: Partial<CertificateRules> = {}, api = paypal.url) {
  const certificates = new Certificates(rules(changes));
  const account = { clientId: "client", clientSecret: "secret", baseUrl: new URL(api) };
  const ledger = new PayPalLedger({ ...account, mark: "checkout" });
  return paypalWebhooks({ webhookId: WEBHOOK_ID, mark: "checkout", certificates, ledger });
}

const read = ({ body, headers }: Received, now = paypal.nowMs) => reader().open(body, headers, now);

const BODY = JSON.stringify({ id: "WH-1", event_type: "CHECKOUT.ORDER.COMPLETED", resource: {} });
const NOW = Date.parse("2026-03-01T12:00:00Z");
const address = (path = "/certificate") => `http://127.0.0.1:${receiver.port}${path}`;

/** A transmission as PayPal signs it, with `changes`. */
function transmission(changes: Partial<Signer> & { body?: string; url?: string; webhookId?: string } = {}) {
  const { body = BODY, url = address(), webhookId = WEBHOOK_ID, key = paypals.key } = changes;
  return {
    body: new TextEncoder().encode(body),
    headers: new Headers(signedHeaders(body, NOW, { webhookId, key }, url)),
  };
}

async function kindOf({ body, headers }: Received, rule: Partial<CertificateRules> = {}, now = NOW) {
  const opened: OpenedEvent = await reader(rule).open(body, headers, now);
  return opened.kind;
}

/** A payment and its refund at the simulated PayPal; resolves once their events have come. */
async function paidAndRefunded(): Promise<Record<"charge" | "capture" | "refund", string>> {
  const provider = new PayPalProvider({
    clientId: "client",
    clientSecret: "secret",
    mark: "checkout",
    baseUrl: new URL(paypal.url),
    shopUrl: new URL("http://shop.test"),
    clock: { now: () => paypal.nowMs },
  });
  const waiting = await provider.charge({
    idempotency_key: `${SAGA}:charge`,
    saga_id: SAGA,
    amount_cents: 4_200,
    currency: "EUR",
    payment_method: "paypal",
    shopper_present: true,
    capture: "automatic",
  });
  const charge = "provider_txn_id" in waiting ? (waiting.provider_txn_id ?? "") : "";
  await paypal.press(charge.replace("order:", ""), "approve");
  // PayPal repeats an event that was not taken.
  answers = [500];
  const taken = await provider.lookUpCharge(charge);
  const capture = "provider_txn_id" in taken ? (taken.provider_txn_id ?? "") : "";
  const refunded = await provider.refund({ idempotency_key: "r", saga_id: SAGA, provider_txn_id: capture });
  await waitFor(async () => received.length >= 4);
  const refund = "provider_refund_id" in refunded ? refunded.provider_refund_id : "";
  return { charge, capture, refund };
}

test("an approval, its payment and its refund are told", async () => {
  const { charge, capture, refund: provider_refund_id } = await paidAndRefunded();
  const events = await Promise.all(received.map((one) => read(one)));
  const ours = { saga_id: SAGA, isMarked: true, amount_cents: 4_200, currency: "EUR" };
  expect(events).toContainEqual({
    kind: "event",
    event: {
      kind: "approval",
      event_id: expect.stringMatching(/^paypal:WH-/),
      approval: { provider_txn_id: charge, saga_id: SAGA, isMarked: true },
    },
  });
  expect(events).toContainEqual({
    kind: "event",
    event: {
      kind: "charge",
      event_id: expect.stringMatching(/^paypal:WH-/),
      charge: {
        ...ours,
        provider_txn_id: capture,
        held_as: charge,
        answer: { kind: "succeeded", provider_txn_id: capture },
      },
    },
  });
  expect(events).toContainEqual({
    kind: "event",
    event: {
      kind: "refund",
      event_id: expect.stringMatching(/^paypal:WH-/),
      refund: {
        ...ours,
        provider_refund_id,
        provider_txn_id: capture,
        isRequestedHere: true,
        status: "succeeded",
        error_code: null,
      },
    },
  });
});

test("an event that PayPal repeats for days is taken, but as a hint: the object itself is asked for", async () => {
  const { capture, refund } = await paidAndRefunded();
  const late = (one: Received) => reader().open(one.body, one.headers, paypal.nowMs + 2 * DAY_MS);
  for (const one of received) expect(await late(one)).toEqual(await read(one));

  // With the headers of a genuine transmission a stranger can make a body whose CRC-32 fits.
  const forged = (event_type: string, resource: object) =>
    kindOf(transmission({ body: JSON.stringify({ id: "WH-2", event_type, resource }) }), {}, NOW + 300_001);
  const money = { status: "COMPLETED", amount: { currency_code: "EUR", value: "42.00" }, custom_id: SAGA };
  expect(await forged("PAYMENT.CAPTURE.COMPLETED", { id: "UNKNOWN", ...money })).toBe("unreadable");
  expect(await forged("PAYMENT.CAPTURE.REFUNDED", { id: "UNKNOWN", ...money })).toBe("unreadable");
  expect(await forged("PAYMENT.CAPTURE.COMPLETED", { id: capture, ...money })).toBe("event");
  expect(await forged("PAYMENT.CAPTURE.REFUNDED", { id: refund, ...money })).toBe("event");
  // This PayPal shows no disputes: what it says may open an alert, and must end none.
  const dispute = (outcome_code: string) => ({
    dispute_id: "PP-D-1",
    status: "RESOLVED",
    dispute_amount: { currency_code: "EUR", value: "42.00" },
    dispute_outcome: { outcome_code },
    disputed_transactions: [{ seller_transaction_id: capture }],
  });
  expect(await forged("CUSTOMER.DISPUTE.RESOLVED", dispute("RESOLVED_BUYER_FAVOUR"))).toBe("event");
  expect(await forged("CUSTOMER.DISPUTE.RESOLVED", dispute("RESOLVED_SELLER_FAVOUR"))).toBe("unreadable");
  const first = received.find(({ body }) => new TextDecoder().decode(body).includes("CAPTURE.COMPLETED"));
  const away = reader({}, address("/slow/api"));
  expect(
    await away.open(first?.body ?? new Uint8Array(), first?.headers ?? new Headers(), paypal.nowMs + DAY_MS),
  ).toEqual({
    kind: "unavailable",
  });
});

describe("a stranger's event is refused", () => {
  test("that is signed for another webhook, or over another body", async () => {
    expect(await kindOf(transmission())).toBe("ignored");
    expect(await kindOf(transmission({ webhookId: "8PT597110X687430LKGECATA" }))).toBe("refused");
    const other = { ...transmission(), body: new TextEncoder().encode(BODY.replace("WH-1", "WH-2")) };
    expect(await kindOf(other)).toBe("refused");
  });

  test("that is too old, or from the future", async () => {
    expect(await kindOf(transmission(), {}, NOW + 4 * DAY_MS)).toBe("refused");
    expect(await kindOf(transmission(), {}, NOW - 300_001)).toBe("refused");
    expect(await kindOf({ body: new Uint8Array(), headers: new Headers() })).toBe("refused");
  });

  test("whose certificate is another authority's, the authority itself, or of another kind of key", async () => {
    served = ofAnother.certificates;
    expect(await kindOf(transmission({ key: ofAnother.key }))).toBe("refused");
    served = authority.certificates;
    expect(await kindOf(transmission({ key: authority.key }))).toBe("refused");
    served = onCurve.certificates;
    expect(await kindOf(transmission({ key: onCurve.key }))).toBe("refused");
  });

  test("whose certificate the same authority has made for somebody else", async () => {
    served = ofSomebody.certificates;
    const somebody = transmission({ key: ofSomebody.key });
    expect(await kindOf(somebody, { arePublic: true })).toBe("refused");
    served = paypals.certificates;
    expect(await kindOf(transmission(), { arePublic: true })).toBe("ignored");
  });

  test("whose certificate is not valid at the time", async () => {
    const clock = { now: () => Date.now() + 400 * 86_400_000 };
    expect(await kindOf(transmission(), { clock })).toBe("refused");
  });

  test("whose certificate is on a host that is not PayPal's: it is not even fetched", async () => {
    for (const hosts of [["paypal.com"], ["7.0.0.1"], [".127.0.0.1"]])
      expect(await kindOf(transmission(), { hosts })).toBe("refused");
    for (const url of [
      "http://127.0.0.1.attacker.test/certificate",
      "http://user@127.0.0.1/certificate",
      address("/certificate?another=address"),
      address("/certificate#another"),
      "file:///etc/passwd",
      "nonsense",
    ])
      expect(await kindOf(transmission({ url }))).toBe("refused");
    expect(await kindOf(transmission(), { allowsHttp: false })).toBe("refused");
    expect(fetches).toBe(0);
  });
});

test("hosts below PayPal's are PayPal's, and names that only end like it are not", async () => {
  const certificates = new Certificates(rules({ hosts: ["localhost"], allowsHttp: false }));
  expect(await certificates.at("https://evil-localhost/certificate")).toBe("refused");
  // Nothing listens there with https: it would have been fetched.
  expect(await certificates.at(`https://localhost:${receiver.port}/certificate`)).toBe("unavailable");
});

test("a certificate that cannot be fetched says nothing: the event must come again", async () => {
  served = "";
  expect(await kindOf(transmission())).toBe("unavailable");
  expect(await kindOf(transmission({ url: address("/elsewhere") }))).toBe("unavailable");
});

test("a certificate is fetched once, and one that was not there is not asked for at once again", async () => {
  const kept = reader();
  const { body, headers } = transmission();
  const kinds = await Promise.all(
    Array.from({ length: 5 }, async () => (await kept.open(body, headers, NOW)).kind),
  );
  expect([...new Set(kinds)]).toEqual(["ignored"]);
  expect(fetches).toBe(1);
  served = "";
  const failing = reader();
  for (let times = 0; times < 3; times += 1)
    expect((await failing.open(body, headers, NOW)).kind).toBe("unavailable");
  expect(fetches).toBe(2);
});

test("whoever names ever new addresses makes us ask PayPal only a few times, and learns nothing", async () => {
  const certificates = new Certificates(rules());
  const at = (name: string) => certificates.at(address(`/slow/${name}`));
  const many = await Promise.all(Array.from({ length: 40 }, (_, index) => at(`at-once-${index}`)));
  expect([...new Set(many)]).toEqual(["unavailable"]);
  expect(slow).toBeLessThanOrEqual(4);
  for (let index = 0; index < 40; index += 1) await at(`one-by-one-${index}`);
  expect(slow).toBeLessThanOrEqual(16);
});

test("a certificate that is in use is kept, however many others come", async () => {
  const certificates = new Certificates(rules());
  for (let index = 0; index < 40; index += 1) {
    expect(await certificates.at(address())).toBeInstanceOf(X509Certificate);
    expect(await certificates.at(address(`/certificate/${index}`))).toBeInstanceOf(X509Certificate);
  }
  expect(fetches).toBe(41);
});

test("an answer that is no certificate is not read to its end", async () => {
  const certificates = new Certificates(rules());
  expect(await certificates.at(address("/endless"))).toBe("unavailable");
  expect(sentBytes).toBeLessThan(4_194_304);
});

test("a signed text that is no event, or whose object cannot be read, is told apart", async () => {
  expect(await kindOf(transmission({ body: "hello" }))).toBe("no_event");
  expect(await kindOf(transmission({ body: "{}" }))).toBe("no_event");
  for (const event_type of ["PAYMENT.CAPTURE.COMPLETED", "CHECKOUT.ORDER.APPROVED"]) {
    const unreadable = { id: "WH-1", event_type, resource: { id: "C" } };
    expect(await kindOf(transmission({ body: JSON.stringify(unreadable) }))).toBe("unreadable");
  }
});
