// The overview on real databases, Kafka and an ops port: what it counts, and what it says of a source that does not answer.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { Value } from "@sinclair/typebox/value";
import { OpenSources } from "../../cmd/checkoutctl/overview-sources.ts";
import { Overview, type Part } from "../../schemas/overview.ts";
import { TOPICS } from "../../schemas/topics.ts";
import { registerBuildInfo } from "../platform/build-info.ts";
import { openAdmin } from "../platform/kafka/admin.ts";
import { Metrics } from "../platform/metrics.ts";
import { OpsServer } from "../platform/ops-http.ts";
import { ConsistentFixture } from "../testkit/consistent-fixture.ts";
import { cloneDatabase, type TestDatabase } from "../testkit/database.ts";
import { sendBytes } from "../testkit/kafka.ts";
import { kafkaBrokers } from "../testkit/servers.ts";
import { collectOverview } from "./overview.ts";
import { moneyAtRisk, sagaFlow } from "./overview-store.ts";
import { topicLayout } from "./topics.ts";

let system: ConsistentFixture;
let mails: TestDatabase;
let ops: OpsServer;
let settings: Readonly<Record<string, string>>;
beforeAll(async () => {
  system = await ConsistentFixture.open();
  await system.reset();
  mails = await cloneDatabase("notification");
  await using admin = await openAdmin({ brokers: kafkaBrokers(), clientId: "test" });
  await admin.createTopics(topicLayout(1));
  const metrics = new Metrics();
  registerBuildInfo(metrics, "1.2.3");
  ops = new OpsServer({ hostname: "127.0.0.1", port: 0, metrics });
  ops.addCheck("database", () => Promise.reject(new Error("away")));
  settings = {
    ...system.urlsAs("console"),
    NOTIFICATION_DATABASE_URL: mails.url,
    KAFKA_BROKERS: kafkaBrokers(),
    OPS_URLS: `relay=http://127.0.0.1:${ops.port},order=http://127.0.0.1:9`,
  };
});
afterAll(async () => {
  await ops[Symbol.asyncDispose]();
  await mails[Symbol.asyncDispose]();
  await system[Symbol.asyncDispose]();
});

const sourcesOf = (values: Readonly<Record<string, string>>) =>
  new OpenSources({
    optional: (name) => values[name],
    need(name) {
      const value = values[name];
      if (value === undefined) throw new Error(`${name} is not set`);
      return value;
    },
    kafka: () => ({ KAFKA_BROKERS: values["KAFKA_BROKERS"] ?? kafkaBrokers() }),
  });

function known<T>(part: Part<T>): T {
  if ("value" in part) return part.value;
  throw new Error(`unknown: ${part.why}`);
}

test("counts sagas, outboxes, money, mails, topics, dead letters and roles", async () => {
  // given: one saga that ended in the last minute and one in progress, an unpublished event, a message that waits in a topic
  const { saga, payment } = system.databases;
  const { completed, refunded, refused } = system;
  await saga`
    update saga_state set created_at = now() - interval '3 seconds', completed_at = now() - interval '1 second'
     where saga_id = ${completed.saga_id}`;
  await saga`
    update saga_state set status = 'COMPENSATING', compensation_step = 'charge', completed_at = null, deadline_at = now(), needs_operator = true,
           payment_succeeded = true
     where saga_id = ${refunded.saga_id}`;
  await saga`
    insert into order_cancellations (cancellation_id, saga_id, order_id, status, step, needs_operator, deadline_at, created_at, updated_at)
    values (gen_random_uuid(), ${completed.saga_id}, ${completed.order_id}, 'CANCELLING', 'refund', true, now(), now(), now())`;
  await saga`update outbox set published = false, published_at = null
              where event_id = (select event_id from outbox limit 1)`;
  await payment`update payments set status = 'UNKNOWN', next_attempt_at = now() where payment_id = ${completed.payment_id}`;
  await using open = sourcesOf(settings);
  const before = await collectOverview(open.sources);
  await sendBytes(TOPICS.notifications, [{ value: Buffer.from("{}") }]);

  // when
  const overview = await collectOverview(open.sources, before);

  // then
  expect([...Value.Errors(Overview, overview)]).toEqual([]);
  expect(known(overview.sagas)).toMatchObject({
    in_progress: [{ status: "COMPENSATING", step: "charge", count: 1 }],
    needing_operator: 1,
    charged_undo_stuck: [{ currency: "EUR", count: 1, needing_operator: 1 }],
    cancellations_needing_operator: 1,
    refund_of_cancelled_stuck: [{ currency: "EUR", count: 1, amount_cents: 2_500 }],
    window_seconds: 60,
    started: 1,
    ended: [{ status: "COMPLETED", failure_code: null, count: 1 }],
    took_ms: { p50: 2_000, p99: 2_000 },
  });
  expect(refused.saga_id).not.toBe(completed.saga_id);
  await saga`update saga_state set waited_for_shopper = true where saga_id = ${completed.saga_id}`;
  expect(await sagaFlow(saga)).toMatchObject({ ended: [{ status: "COMPLETED", count: 1 }], took_ms: null });
  expect(overview.outboxes.map(({ database, depth }) => [database, known(depth).unpublished])).toEqual([
    ["saga", 1],
    ["inventory", 0],
    ["payment", 0],
    ["order", 0],
  ]);
  expect(known(overview.money).payments).toMatchObject([
    { status: "UNKNOWN", currency: "EUR", count: 1, amount_cents: 2_500 },
  ]);
  expect(known(overview.mails)).toEqual({ waiting: 0, oldest_at: null });
  const ofMails = (one: Overview) => known(one.topics).find(({ topic }) => topic === TOPICS.notifications);
  const [first, second] = [ofMails(before), ofMails(overview)];
  expect((second?.end ?? 0) - (first?.end ?? 0)).toBeGreaterThanOrEqual(1);
  expect(second?.groups[0]?.lag).toBeGreaterThan(0);
  expect(second?.partitions).toBe(16);
  expect(overview.roles[0]).toMatchObject({
    name: "relay",
    state: { value: { is_ready: false, reasons: ["database: away"], version: "1.2.3" } },
  });
});

test("what does not answer is unknown since the first time, with the reason, and the rest is there", async () => {
  let now = 1_000;
  const { INVENTORY_DATABASE_URL: _, ...others } = settings;
  await using open = sourcesOf({
    ...others,
    SAGA_DATABASE_URL: "postgres://nobody@127.0.0.1:9/saga",
    KAFKA_BROKERS: "127.0.0.1:9",
  });
  const sources = { ...open.sources, clock: { now: () => now } };
  const before = await collectOverview(sources);
  now = 2_000;
  const overview = await collectOverview(sources, before);
  expect([...Value.Errors(Overview, overview)]).toEqual([]);
  const unknown = { unknown_since: 1_000, why: expect.stringMatching(/./) };
  expect(overview).toMatchObject({
    at: 2_000,
    sagas: { unknown_since: 1_000, why: expect.stringContaining("127.0.0.1:9") },
    topics: unknown,
    dead_letters: unknown,
    money: { at: 2_000 },
  });
  expect(overview.outboxes.map(({ depth }) => depth)).toMatchObject([
    unknown,
    { unknown_since: 1_000, why: "INVENTORY_DATABASE_URL is not set" },
    { at: 2_000 },
    { at: 2_000 },
  ]);
  expect(overview.roles[1]?.state).toMatchObject({
    unknown_since: 1_000,
    why: expect.stringContaining("nothing answers at http://127.0.0.1:9"),
  });
});

test("a source that never answers costs its own part only", async () => {
  await using open = sourcesOf(settings);
  const sources = { ...open.sources, topics: () => new Promise<never>(() => undefined), timeoutMs: 5_000 };
  const overview = await collectOverview(sources);
  expect(overview.topics).toMatchObject({ why: "no answer within 5000 ms" });
  expect(known(overview.sagas).needing_operator).toBe(1);
});

test("money at risk is counted up to a limit, and says when there may be more", async () => {
  const { payment } = system.databases;
  expect(await moneyAtRisk(payment)).toMatchObject({ payments: [{ count: 1 }], at_least: false });
  await payment`update payments set status = 'UNKNOWN', next_attempt_at = now() where payment_id = ${system.completed.payment_id}`;
  const limited = await moneyAtRisk(payment, 1);
  expect(limited).toMatchObject({ payments: [{ status: "UNKNOWN", count: 1 }], at_least: true });
});
