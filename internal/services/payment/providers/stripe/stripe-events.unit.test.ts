// Which signatures count: of one secret, of two during a rotation, and none else. What a signed event says is in webhook.int.test.ts.
import { expect, test } from "bun:test";
import { createHmac } from "node:crypto";
import { stripeWebhooks } from "./stripe-events.ts";

const [OLD, NEW, FOREIGN] = ["whsec_old_0123456789", "whsec_new_0123456789", "whsec_foreign_012345"];
const NOW = Date.parse("2026-11-29T12:00:00Z");
const BODY = JSON.stringify({ id: "evt_1", object: "event", type: "customer.created", data: { object: {} } });

function signature(...secrets: readonly string[]): string {
  const at = Math.floor(NOW / 1_000);
  const marks = secrets.map(
    (secret) => `v1=${createHmac("sha256", secret).update(`${at}.${BODY}`).digest("hex")}`,
  );
  return [`t=${at}`, ...marks].join(",");
}

function kindOf(secrets: readonly string[], header: string, body = BODY, now = NOW): string {
  const headers = new Headers(header === "" ? {} : { "stripe-signature": header });
  return stripeWebhooks({ secrets, mark: "shop" }).open(Buffer.from(body), headers, now).kind;
}

test("during a rotation an event counts under the old secret, the new one, and both", () => {
  for (const header of [signature(OLD), signature(NEW), signature(OLD, NEW), signature(FOREIGN, NEW)]) {
    expect(kindOf([NEW, OLD], header)).toBe("ignored");
    expect(kindOf([OLD, NEW], header)).toBe("ignored");
  }
});

test("before and after it, one secret is enough and the other does not count", () => {
  expect(kindOf([OLD], signature(OLD, NEW))).toBe("ignored");
  expect(kindOf([NEW], signature(OLD))).toBe("refused");
  expect(kindOf([OLD], signature(NEW))).toBe("refused");
});

test("nobody else's signature counts, however many secrets there are", () => {
  expect(kindOf([NEW, OLD], signature(FOREIGN))).toBe("refused");
  expect(kindOf([NEW, OLD], "")).toBe("refused");
  expect(kindOf([NEW, OLD], signature(OLD), `${BODY} `)).toBe("refused");
  expect(kindOf([NEW, OLD], signature(NEW), BODY, NOW + 301_000)).toBe("refused");
});

test("a signed text that is no event is told from a forged one", () => {
  const at = Math.floor(NOW / 1_000);
  const mark = createHmac("sha256", OLD ?? "")
    .update(`${at}.{`)
    .digest("hex");
  expect(kindOf([NEW, OLD], `t=${at},v1=${mark}`, "{")).toBe("no_event");
});

test("a key that was refused elsewhere in the process fails no event", async () => {
  const coordinate = (byte: number) => Buffer.alloc(32, byte).toString("base64url");
  const notOnTheCurve = { kty: "EC", crv: "P-256", x: coordinate(1), y: coordinate(2) };
  const header = signature(OLD);
  const curve = { name: "ECDH", namedCurve: "P-256" };
  expect(await crypto.subtle.importKey("jwk", notOnTheCurve, curve, false, []).catch(() => "refused")).toBe(
    "refused",
  );
  expect(kindOf([OLD], header)).toBe("ignored");
});
