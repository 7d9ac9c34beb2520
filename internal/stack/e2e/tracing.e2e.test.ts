// One checkout is one trace over all roles, whatever happens on its way. On the compiled binaries, with a collector that takes what any
// collector takes. The tests share one stack, and run in this order.
import { afterAll, beforeAll, expect, test } from "bun:test";
import postgres from "postgres";
import { createClient } from "redis";
import { cartOf, type Placed, Shopper } from "../../../bench/shopper.ts";
import type { Problem, SagaStatusView } from "../../../schemas/http.ts";
import type { DeadLetters } from "../../operations/dead-letters.ts";
import type { TraceAnswer } from "../../operations/orchestrator.ts";
import { redisAddress } from "../../platform/redis-tls.ts";
import { ignore } from "../../testkit/noop-telemetry.ts";
import { type CollectedSpan, orphansOf, TraceCollector } from "../../testkit/trace-collector.ts";
import { tracedTo } from "../role-env.ts";
import { waitUntil } from "../wait.ts";
import { CURRENCY, existing, RunningSystem } from "./running-system.ts";

const UP_TIMEOUT_MS = 120_000;
const PATIENCE_MS = 90_000;
/** Longer than a command is retried, 31 s, and its dead letter needs to be replayed. */
const FORWARD_DEADLINE_MS = 240_000;
const USER = Bun.randomUUIDv7();
const WHY = ["--reason", "a test of traces"] as const;

const held = new AsyncDisposableStack();
const collector = held.use(new TraceCollector());
const usedKeys: string[] = [];
let system: RunningSystem;
let shopper: Shopper;

beforeAll(async () => {
  const overrides = {
    gateway: { TRACE_SAMPLE_RATIO: "1" },
    orchestrator: { FORWARD_DEADLINE_MS: String(FORWARD_DEADLINE_MS) },
    // So that the relay has its part in every trace.
    order: { PUBLISH_AFTER_COMMIT: "false" },
  };
  system = held.use(await RunningSystem.start("tracing", tracedTo(collector.url, overrides)));
  shopper = await system.shopper(USER);
}, UP_TIMEOUT_MS);
afterAll(() => held.disposeAsync(), UP_TIMEOUT_MS);

const ROLES = ["gateway", "orchestrator", "inventory", "payment", "order", "notification", "relay"];
let first: SagaStatusView;

test("a checkout is one trace of all roles, and every span's parent is in it", async () => {
  first = await buy("tea");
  const trace = await traceOf(first, ...Object.keys(EXPECTED), "send order-events", "send checkout-commands");
  expect(rolesOf(trace)).toEqual(new Set(ROLES.map((role) => `checkout-${role}`)));
  expect(rootsOf(trace)).toEqual(["checkout-gateway: POST /api/v1/checkout"]);
  expect(trace.length).toBeGreaterThanOrEqual(20);
  expect(trace.filter(({ isFailed }) => isFailed)).toEqual([]);
  expect(namesOf(trace)).toMatchObject(EXPECTED);
  // The creation context passes through the sender unchanged: the consumer's parent is who wrote the row, and the sender links to it.
  const wrote = the(trace, "POST /sagas");
  expect(the(trace, "process checkout-commands ReserveInventory").parentSpanId).toBe(wrote.spanId);
  const send = trace.find(
    ({ name, links }) => name.startsWith("send ") && links.some(({ spanId }) => spanId === wrote.spanId),
  );
  expect(send).toMatchObject({ name: "send checkout-commands", role: "checkout-orchestrator" });
});

/** These, and the batches and sends around them. */
const EXPECTED = {
  "POST /api/v1/checkout": 1,
  POST: 1,
  "POST /sagas": 1,
  "saga intake": 1,
  "process checkout-commands ReserveInventory": 1,
  "process inventory-events InventoryReserved": 1,
  "process checkout-commands ChargePayment": 1,
  "POST charge": 1,
  "process payment-events PaymentSucceeded": 1,
  "process checkout-commands ConfirmReservation": 1,
  "process inventory-events ReservationConfirmed": 1,
  "process checkout-commands CreateOrder": 1,
  "process order-events OrderCreated": 1,
  "process notification-commands SendNotification": 1,
  "send mail": 1,
};

test("its trace is in `saga show`, and goes on when the order is cancelled and refunded", async () => {
  await system.operatorSees(["order", "cancel", first.order_id ?? "", ...WHY]);
  await system.mailAbout(first.saga_id, "order_cancelled");
  const { trace_id } = await system.story(first.saga_id);
  const refunded = (spans: readonly CollectedSpan[]) =>
    spans.filter(({ name }) => name === "send mail").length === 2 &&
    spans.some(({ name }) => name === "POST refund") &&
    orphansOf(spans).length === 0;
  const trace = await collector.untilTrace(trace_id ?? "", "the trace has the refund and its mail", refunded);
  expect(namesOf(trace)["POST refund"]).toBe(1);
});

test("messages that are delivered again are duplicates in the same trace", async () => {
  const view = await buy("twice");
  const before = (await traceOf(view)).length;
  await forgetMessages();
  await system.republish("--since", "10m", ...WHY);
  const { trace_id } = await system.story(view.saga_id);
  const isDuplicate = ({ attributes }: CollectedSpan) => attributes["checkout.outcome"] === "duplicate";
  const repeated = ["ReserveInventory", "ChargePayment", "ConfirmReservation", "CreateOrder"].map(
    (type) => `process checkout-commands ${type}`,
  );
  const trace = await collector.untilTrace(trace_id ?? "", "each command is there as a duplicate", (spans) =>
    repeated.every((one) => spans.some((span) => span.name === one && isDuplicate(span))),
  );
  expect(orphansOf(trace)).toEqual([]);
  expect(trace.length).toBeGreaterThan(before);
  expect(namesOf(trace)["send mail"]).toBe(1);
});

test(
  "a checkout that waits for the relay to come back stays one trace",
  async () => {
    await system.stack.find("relay").stop();
    const placed = await place("patient");
    // Its OrderCreated waits in the outbox: the order service leaves all of them to the relay here.
    const isMade = async () => (await system.story(placed.saga_id)).orders.length > 0;
    await waitUntil("the order is made", isMade, { timeoutMs: PATIENCE_MS / 2 });
    expect(namesOf(await keptTrace(placed))["send order-events"]).toBeUndefined();
    await system.stack.restart("relay");
    expect(await statusOf(placed)).toBe("COMPLETED");
    const trace = await traceOf(placed, "send order-events");
    const sent = trace.filter(({ name }) => name === "send order-events").map(({ role }) => role);
    expect(sent).toEqual(["checkout-relay"]);
  },
  PATIENCE_MS,
);

test(
  "a command that is retried after 25 s, and one that is dead-lettered and replayed, stay in their traces",
  async () => {
    await using inventory = await refusing("later", "never", "asked");
    const [later, never, asked] = await Promise.all([place("later"), place("never"), placeUntraced("asked")]);
    expect((await system.story(asked.saga_id)).trace_id).toBeNull();
    const traced = await system.operatorSees<TraceAnswer>(["saga", "trace", asked.saga_id, ...WHY]);
    expect(traced).toMatchObject({ saga_id: asked.saga_id, started_now: true });
    // Only the last retry is left, after 25 s.
    await waitUntil("the command has failed three times", () => hasFailed(later, 3), {
      timeoutMs: PATIENCE_MS,
    });
    await inventory.refuseOnly("never");
    const deadLetters = () => system.operatorSees<DeadLetters>(["dlq", "ls"]);
    await waitUntil("one command is dead", async () => (await deadLetters()).total === 1, {
      timeoutMs: PATIENCE_MS,
    });
    expect(await statusOf(later)).toBe("COMPLETED");
    await inventory.refuseOnly();
    await system.operatorSees(["dlq", "replay", "--everything", "--confirm", "1", ...WHY]);
    expect(await statusOf(never)).toBe("COMPLETED");
    expect(await statusOf(asked)).toBe("COMPLETED");

    const reserve = "process checkout-commands ReserveInventory";
    const attempts = (spans: readonly CollectedSpan[]) =>
      spans.filter(({ name }) => name === reserve).map(({ isFailed }) => (isFailed ? "failed" : "done"));
    const retried = await traceOf(later);
    expect(attempts(retried).filter((one) => one === "failed").length).toBeGreaterThanOrEqual(3);
    expect(attempts(retried).filter((one) => one === "done")).toEqual(["done"]);
    expect(the(retried, reserve).attributes).toMatchObject({
      "error.type": "23514",
      "db.response.status_code": "23514",
    });
    const replayed = await traceOf(never);
    expect(namesOf(replayed)["process inventory-events CommandDeadLettered"]).toBe(1);
    expect(attempts(replayed).filter((one) => one === "done")).toEqual(["done"]);
    // Traced from its reservation on: the command itself was written before anybody asked.
    const joined = await traceOf(asked);
    expect(rootsOf(joined)).toEqual(["checkout-orchestrator: saga trace"]);
    expect(joined[0]?.traceId).toBe(traced.trace_id);
    expect(namesOf(joined)[reserve]).toBeUndefined();
    expect(namesOf(joined)["process inventory-events InventoryReserved"]).toBe(1);
  },
  2 * PATIENCE_MS,
);

test("only chosen checkouts are traced, and those whose caller asks; the others leave nothing", async () => {
  await system.restock("chosen", 10);
  const settings = { OTLP_URL: collector.url, TRACE_SAMPLE_RATIO: "0", TRACE_ASKED_PER_SECOND: "1" };
  await using gateway = await system.oneMore("gateway", settings);
  const unchosen = await place("chosen", gateway.address);
  expect(await statusOf(unchosen)).toBe("COMPLETED");
  await system.mailAbout(unchosen.saga_id, "order_confirmed");
  expect((await system.story(unchosen.saga_id)).trace_id).toBeNull();
  expect(collector.spans.filter(({ text }) => text.includes(unchosen.saga_id))).toEqual([]);
  // A caller that records its own trace is followed.
  const trace_id = Bun.randomUUIDv7().replaceAll("-", "");
  const parent = trace_id.slice(16);
  const asked = await place("chosen", gateway.address, { traceparent: `00-${trace_id}-${parent}-01` });
  expect(await statusOf(asked)).toBe("COMPLETED");
  expect((await system.story(asked.saga_id)).trace_id).toBe(trace_id);
  const trace = await collector.untilTrace(trace_id, "request and mail are in the caller's trace", (spans) =>
    ["POST /api/v1/checkout", "send mail"].every((wanted) => spans.some(({ name }) => name === wanted)),
  );
  expect(the(trace, "POST /api/v1/checkout").parentSpanId).toBe(parent);
});

test("without OTLP_URL at the gateway nothing is exported by anybody", async () => {
  await system.restock("quiet", 10);
  await using gateway = await system.oneMore("gateway", { TRACE_SAMPLE_RATIO: "1" });
  const placed = await place("quiet", gateway.address);
  expect(await statusOf(placed)).toBe("COMPLETED");
  await system.mailAbout(placed.saga_id, "order_confirmed");
  expect(collector.spans.filter(({ text }) => text.includes(placed.saga_id))).toEqual([]);
});

test("a fault of ours names its trace", async () => {
  const nowhere = {
    OTLP_URL: collector.url,
    TRACE_SAMPLE_RATIO: "1",
    ORCHESTRATOR_URL: "http://127.0.0.1:9",
  };
  await using gateway = await system.oneMore("gateway", nowhere);
  const answers: string[] = [];
  // The last answer counts: a gateway that has just begun may have other reasons to refuse.
  const more = { onAnswer: (text: string) => void answers.push(text), giveUpAfterMs: 3_000 };
  expect(await place("tea", gateway.address, {}, more).catch(() => "refused")).toBe("refused");
  const problem: Problem = JSON.parse(answers.at(-1) ?? "{}");
  expect(problem.status).toBe(503);
  expect(problem.trace_id).toMatch(/^[0-9a-f]{32}$/);
  const trace = await collector.untilTrace(
    problem.trace_id ?? "",
    "the failed call is recorded",
    (spans) => spans.length === 2,
  );
  expect(namesOf(trace.filter(({ isFailed }) => isFailed))).toEqual({ POST: 1, "POST /api/v1/checkout": 1 });
  expect(the(trace, "POST").attributes).toMatchObject({
    "server.address": "127.0.0.1",
    "error.type": "SERVICE_UNAVAILABLE",
  });
});

test("a scrape that asks for OpenMetrics finds a trace of a slow bucket", async () => {
  const { trace_id } = await system.story(first.saga_id);
  const { ports } = system.stack.find("orchestrator");
  const address = `http://127.0.0.1:${ports["ops"]}/metrics`;
  const accept = "application/openmetrics-text; version=1.0.0";
  const text = await (await fetch(address, { headers: { accept } })).text();
  expect(text).toMatch(/^checkout_saga_duration_seconds_bucket\{.*\} \d+ # \{trace_id="[0-9a-f]{32}"\} /m);
  expect(text).toEndWith("# EOF\n");
  expect(await (await fetch(address)).text()).not.toContain("trace_id");
  expect(trace_id).toMatch(/^[0-9a-f]{32}$/);
});

test("no span holds anything of a person, a token or a key", () => {
  expect(collector.spans.length).toBeGreaterThan(200);
  const everything = collector.spans.map(({ text }) => text).join("\n");
  const { email, payment_method, shipping_address } = cart("tea");
  const { jwt_hs256_secret, stripe_api_key, stripe_webhook_secret } = system.context.secrets;
  const personal = [
    email,
    payment_method,
    ...Object.values(shipping_address),
    USER,
    ...usedKeys,
    jwt_hs256_secret,
    stripe_api_key,
    stripe_webhook_secret,
    // The beginning of a signed or sealed token.
    "eyJ",
    ":charge",
    // Digits alone, such as a postal code, are in any time stamp.
  ].filter((text) => /[a-z]{3}/i.test(text));
  expect(personal.filter((text) => everything.includes(text))).toEqual([]);
  // Check that the search would find something.
  expect(everything).toContain(first.saga_id);
});

function cart(sku: string) {
  return cartOf([sku], "pm_card_visa", CURRENCY);
}

function newKey(): string {
  const key = Bun.randomUUIDv7();
  usedKeys.push(key);
  return key;
}

interface PlaceOptions {
  readonly onAnswer?: (text: string) => void;
  readonly giveUpAfterMs?: number;
}

/** Places a checkout of one piece. `headers` go with the request. */
async function place(
  sku: string,
  gateway = system.context.addresses.gateway,
  headers: Readonly<Record<string, string>> = {},
  { onAnswer = ignore, giveUpAfterMs = PATIENCE_MS }: PlaceOptions = {},
): Promise<Placed> {
  await system.restock(sku, 10);
  const { jwt_hs256_secret: jwtSecret } = system.context.secrets;
  const post = async (path: string, given: Readonly<Record<string, string>>, body: string) => {
    const response = await fetch(gateway + path, { method: "POST", headers: { ...given, ...headers }, body });
    const text = await response.text();
    onAnswer(text);
    return { status: response.status, text };
  };
  const somebody = await Shopper.signIn({ gateway, jwtSecret, userId: USER, post });
  return somebody.checkout(cart(sku), newKey(), Date.now() + giveUpAfterMs);
}

async function placeUntraced(sku: string): Promise<Placed> {
  await using gateway = await system.oneMore("gateway", {});
  // Awaited here: the gateway ends with this function.
  return await place(sku, gateway.address);
}

async function buy(sku: string): Promise<SagaStatusView> {
  const placed = await place(sku);
  return existing(await shopper.status(placed.saga_id, Date.now() + PATIENCE_MS));
}

async function statusOf({ saga_id }: Placed): Promise<string> {
  return existing(await shopper.status(saga_id, Date.now() + PATIENCE_MS)).status;
}

async function keptTrace({ saga_id }: Placed): Promise<readonly CollectedSpan[]> {
  return collector.trace((await system.story(saga_id)).trace_id ?? "");
}

/**
 * The whole trace of a completed checkout: its last span is the mail's. A span without children, which no other misses, may be sent still
 * later by its role, whose process may be slow: name it in `also`.
 */
async function traceOf(
  { saga_id }: { readonly saga_id: string },
  ...also: readonly string[]
): Promise<readonly CollectedSpan[]> {
  const { trace_id } = await system.story(saga_id);
  if (trace_id === null) throw new Error(`saga ${saga_id} keeps no trace`);
  return collector.untilTrace(
    trace_id,
    `the trace of saga ${saga_id} has its mail and no orphan`,
    (spans) =>
      ["send mail", ...also].every((wanted) => spans.some(({ name }) => name === wanted)) &&
      orphansOf(spans).length === 0,
  );
}

async function hasFailed({ saga_id }: Placed, times: number): Promise<boolean> {
  const { timeline } = await system.story(saga_id);
  return timeline.some(({ what }) => what.includes(`failed ${times} times`));
}

/** Inventory's database refuses these SKUs until `refuseOnly` names others. */
async function refusing(...skus: readonly string[]) {
  const sql = postgres(system.context.addresses.postgres["inventory"] ?? "", {
    max: 1,
    onnotice: () => undefined,
  });
  const refuseOnly = async (...refused: readonly string[]) => {
    await sql.unsafe("alter table reservations drop constraint if exists refused_by_a_test");
    const list = refused.map((sku) => `'${sku}'`).join(", ");
    if (refused.length > 0)
      await sql.unsafe(
        `alter table reservations add constraint refused_by_a_test check (sku_id not in (${list})) not valid`,
      );
  };
  await refuseOnly(...skus);
  return {
    refuseOnly,
    async [Symbol.asyncDispose]() {
      await refuseOnly();
      await sql.end();
    },
  };
}

/** Takes from Redis which messages the services have seen; which mails were sent stays. */
async function forgetMessages(): Promise<void> {
  const { url, tls } = redisAddress(system.context.addresses.redis);
  const client = await createClient({ url, socket: tls }).connect();
  try {
    for await (const keys of client.scanIterator({ MATCH: "idem:*", COUNT: 1_000 })) {
      const messages = keys.filter((key) => !key.startsWith("idem:notification:"));
      if (messages.length > 0) await client.del(messages);
    }
  } finally {
    client.destroy();
  }
}

function rolesOf(spans: readonly CollectedSpan[]): ReadonlySet<string> {
  return new Set(spans.map(({ role }) => role));
}

function rootsOf(spans: readonly CollectedSpan[]): readonly string[] {
  return spans.filter(({ parentSpanId }) => parentSpanId === "").map(({ role, name }) => `${role}: ${name}`);
}

function namesOf(spans: readonly CollectedSpan[]): Readonly<Record<string, number>> {
  const names: Record<string, number> = {};
  for (const { name } of spans) names[name] = (names[name] ?? 0) + 1;
  return names;
}

function the(spans: readonly CollectedSpan[], name: string): CollectedSpan {
  const found = spans.find((span) => span.name === name);
  if (found === undefined) throw new Error(`the trace has no span ${name}`);
  return found;
}
