// A server is unavailable while shoppers continue: Redis with every kind of fault, each Postgres, all of Kafka. (Short outages by
// kills are in kill.suite.test.ts; three brokers, slow links and full disks are tested by `bun run chaos`.) Called by
// faults.e2e.test.ts.
import { beforeAll, expect, test } from "bun:test";
import { promote } from "../../faults/failover.ts";
import { limitProvider } from "../../faults/provider-faults.ts";
import { flushRedis, spoilRedis } from "../../faults/redis-faults.ts";
import { cartOf, type Placed, Shopper } from "../../../bench/shopper.ts";
import { generateSealingKeys, withOlderKeys } from "../../platform/seal.ts";
import { failOverManaged } from "../../testkit/failover.ts";
import { Pooler } from "../../testkit/pooler.ts";
import type { RoleOverrides } from "../role-env.ts";
import { waitUntil } from "../wait.ts";
import { CURRENCY, existing, type RunningSystem } from "./running-system.ts";

const TEST_TIMEOUT_MS = 120_000;
const PATIENCE_MS = 60_000;
/** Small enough for an outage to reach quickly, large enough for a second of traffic. */
const MAX_UNPUBLISHED = 60;
const EXIT_CONFIG = 78;
const SKU = "umbrella";
const CALLS_PER_SECOND = 2;
const COMING_PER_SECOND = 6;

export const OUTAGES: RoleOverrides = {
  // A busy machine may need longer than half a minute to start a server and catch up.
  orchestrator: {
    INTAKE_MAX_UNPUBLISHED: String(MAX_UNPUBLISHED),
    FORWARD_DEADLINE_MS: String(TEST_TIMEOUT_MS),
  },
};

let system: RunningSystem;
let shopper: Shopper;

const redisUrl = () => system.context.addresses.redis;
/** Each `begin` starts the fault and returns the function that ends it. */
const redisFaults: readonly (readonly [how: string, begin: () => Promise<() => unknown>])[] = [
  [
    "killed",
    async () => {
      await system.end("redis");
      return () => system.stack.restart("redis");
    },
  ],
  [
    "paused",
    async () => {
      system.stack.kill("redis", "SIGSTOP");
      return () => system.stack.kill("redis", "SIGCONT");
    },
  ],
  ["flushed", () => flushRedis(redisUrl()).then(() => () => undefined)],
  ["full of wrong answers", () => spoilRedis(redisUrl())],
];

/** The state in which a checkout waits while the service has no database. */
const WAITING = {
  inventory: { status: "STARTED", current_step: "reserve" },
  payment: { status: "INVENTORY_RESERVED", current_step: "charge" },
  order: { status: "PAYMENT_CHARGED", current_step: "order" },
};
/** Defines the tests. The orchestrator has the settings OUTAGES. */
export function outages(running: () => RunningSystem): void {
  beforeAll(async () => {
    system = running();
    await system.providerTakes("fixed:5");
    shopper = await system.shopper();
    await system.restock(SKU, 1_000);
  });

  for (const [how, begin] of redisFaults) {
    test(
      `Redis ${how}: no shopper notices`,
      async () => {
        const end = await begin();
        const placed = await Promise.all(Array.from({ length: 4 }, () => place()));
        expect(placed.map(({ attempts }) => attempts)).toEqual([1, 1, 1, 1]);
        expect(await endsOf(placed)).toEqual(["COMPLETED"]);
        await end();
        await waitUntil("every role has reconnected to Redis", everybodyHasRedis, {
          timeoutMs: PATIENCE_MS,
        });
        expect(await endsOf([await place()])).toEqual(["COMPLETED"]);
      },
      TEST_TIMEOUT_MS,
    );
  }

  for (const [service, where] of Object.entries(WAITING)) {
    test(
      `without the Postgres of ${service}, checkouts are accepted, wait, and complete when it is back`,
      async () => {
        // given
        await system.end(`postgres-${service}`);
        // when
        const placed = await Promise.all(Array.from({ length: 4 }, () => place()));
        const isWaiting = async () => (await views(placed)).every((view) => Bun.deepMatch(where, view));
        await waitUntil("all checkouts wait for the service", isWaiting, {
          timeoutMs: PATIENCE_MS,
        });
        await system.stack.restart(`postgres-${service}`);
        // then
        expect(await endsOf(placed)).toEqual(["COMPLETED"]);
      },
      TEST_TIMEOUT_MS,
    );
  }

  test(
    "without a relay, checkouts still complete",
    async () => {
      await system.end("relay");
      const placed = await Promise.all(Array.from({ length: 4 }, () => place()));
      expect(await endsOf(placed)).toEqual(["COMPLETED"]);
      await system.stack.restart("relay");
      expect(await endsOf([await place()])).toEqual(["COMPLETED"]);
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "when every Postgres fails over to its standby, all roles report it and recover by themselves",
    async () => {
      // given one checkout in progress while only read-only standbys are left
      const databases = ["payment", "order", "inventory", "notification", "saga"];
      const servers = databases.map((name) => system.stack.find(`postgres-${name}`));
      const before = await place();
      for (const server of servers) await failOverManaged(server);
      // then
      const ready = (role: string) => fetch(`${system.context.addresses.ops[role]}/readyz`);
      const waiting = ["orchestrator", "inventory", "payment", "order", "notification", "relay"];
      const isTold = async (role: string) => {
        const answer = await ready(role);
        return answer.status === 503 && (await answer.text()).includes("standby");
      };
      const allTell = async () => (await Promise.all(waiting.map(isTold))).every(Boolean);
      await waitUntil("every role says that its database is a standby", allTell, { timeoutMs: PATIENCE_MS });
      expect(await place(0).catch((error: unknown) => String(error))).toContain("503");
      // when
      for (const { address } of servers) await promote(address);
      // then
      const placed = await Promise.all(Array.from({ length: 4 }, () => place()));
      expect(await endsOf([before, ...placed])).toEqual(["COMPLETED"]);
      const allReady = async () =>
        (await Promise.all(waiting.map(ready))).every(({ status }) => status === 200);
      await waitUntil("every role is ready again", allReady, { timeoutMs: PATIENCE_MS });
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "behind a connection pooler no role starts, and each says what to do",
    async () => {
      const { postgres } = system.context.addresses;
      await using pooler = await Pooler.start(postgres["inventory"] ?? "", "drops");
      const through = {
        inventory: { DATABASE_URL: pooler.url },
        relay: { DATABASE_URLS: `inventory=${pooler.url}` },
      };
      for (const role of ["inventory", "relay"] as const) {
        const { code, log } = await system.endOf(role, through[role]);
        expect(code).toBe(EXIT_CONFIG);
        expect(log).toContain("Connect directly to Postgres");
      }
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "without the saga's Postgres, checkouts get 503; accepted ones continue when it is back, and a key still means one checkout",
    async () => {
      // given
      const key = Bun.randomUUIDv7();
      const taken = await place();
      await system.end("postgres-saga");
      // when
      const refusal = await place(Date.now(), key).catch((error: unknown) => String(error));
      // then
      expect(refusal).toContain("503");
      // when
      await system.stack.restart("postgres-saga");
      const placed = await place(Date.now() + PATIENCE_MS, key);
      // then
      expect(await place(Date.now() + PATIENCE_MS, key)).toMatchObject({ saga_id: placed.saga_id });
      expect(await endsOf([taken, placed])).toEqual(["COMPLETED"]);
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "without Kafka, checkouts are accepted until the outbox limit, then get 503, and all complete when Kafka is back",
    async () => {
      // given
      await system.end("kafka-1");
      // when
      const firstKey = Bun.randomUUIDv7();
      const first = await place(Date.now(), firstKey);
      const taken = [first];
      const refused = Promise.withResolvers<string>();
      const fill = async () => {
        for (;;) taken.push(await place(Date.now()));
      };
      fill().catch((error: unknown) => refused.resolve(String(error)));
      // then
      expect(await refused.promise).toContain("503");
      expect(taken.length).toBeGreaterThanOrEqual(MAX_UNPUBLISHED / 2);
      expect(new Set((await views(taken)).map(({ status }) => status))).toEqual(new Set(["STARTED"]));
      // A retry of an accepted checkout gets its answer even while new checkouts are rejected.
      expect(await place(Date.now(), firstKey)).toMatchObject({ saga_id: first.saga_id, attempts: 1 });
      // when
      await system.stack.restart("kafka-1");
      // then
      expect(await endsOf(taken)).toEqual(["COMPLETED"]);
      expect(await endsOf([await place()])).toEqual(["COMPLETED"]);
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "without a gateway's key, payment reports it, and the checkout waits for a payment service that has the key",
    async () => {
      // given
      const { addresses, secrets } = system.context;
      const newer = await generateSealingKeys();
      await using gateway = await system.oneMore("gateway", { PAYMENT_PUBLIC_JWK: newer.publicJwk });
      const customer = await Shopper.signIn({
        gateway: gateway.address,
        jwtSecret: secrets.jwt_hs256_secret,
        userId: Bun.randomUUIDv7(),
      });
      // when
      const giveUpAt = Date.now() + PATIENCE_MS;
      const cart = cartOf([SKU], "pm_card_visa", CURRENCY);
      const { saga_id } = await customer.checkout(cart, Bun.randomUUIDv7(), giveUpAt);
      // then
      const tells = async (path: string) => (await fetch(`${addresses.ops["payment"]}${path}`)).text();
      const isTold = async () =>
        (await tells("/readyz")).includes("sealed with a key that is not configured here");
      await waitUntil("payment is not ready and says why", isTold, { timeoutMs: PATIENCE_MS });
      expect(await tells("/metrics")).toMatch(
        /^checkout_payment_tokens_unopened_total\{reason="unknown_key"\} [1-9]/m,
      );
      // when a replica has both keys, as during a key rotation; it needs no Kafka for this
      const both = withOlderKeys(newer.privateJwk, secrets.payment_private_jwk);
      await using _ = await system.oneMore("payment", {
        PAYMENT_PRIVATE_JWK: both,
        KAFKA_BROKERS: "127.0.0.1:9",
      });
      // then
      expect(await customer.status(saga_id, giveUpAt)).toMatchObject({ status: "COMPLETED" });
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "when the provider limits the rate, checkouts are accepted at its pace, and every accepted one completes",
    async () => {
      // given
      const end = await limitProvider(system.context.addresses.paysim, {
        calls_per_second: CALLS_PER_SECOND,
      });
      // when three times as many come, until some get 503
      const placed: Placed[] = [];
      const refusals: string[] = [];
      const come = () =>
        place(0).then(
          (taken) => void placed.push(taken),
          (error: unknown) => void refusals.push(String(error)),
        );
      const coming: Promise<void>[] = [];
      const giveUpAt = Date.now() + PATIENCE_MS;
      const { orchestrator } = system.context.addresses.ops;
      // The wait is short again as soon as fewer come.
      let isWaitTold = false;
      for (
        ;
        (refusals.length < 3 || !isWaitTold) && Date.now() < giveUpAt;
        await Bun.sleep(1_000 / COMING_PER_SECOND)
      ) {
        coming.push(come());
        const metrics = await (await fetch(`${orchestrator}/metrics`)).text();
        isWaitTold ||= /^checkout_intake_charge_wait_seconds [1-9]/m.test(metrics);
      }
      await Promise.all(coming);
      // then
      expect(refusals.length).toBeGreaterThanOrEqual(3);
      expect(refusals.filter((text) => !text.includes("503"))).toEqual([]);
      expect(isWaitTold).toBe(true);
      expect(await endsOf(placed)).toEqual(["COMPLETED"]);
      await end();
      expect(await endsOf([await place()])).toEqual(["COMPLETED"]);
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "the final audit is clean",
    async () => {
      expect(await system.audit()).toEqual({ code: 0, violations: [] });
    },
    TEST_TIMEOUT_MS,
  );
}

function place(giveUpAt = Date.now() + PATIENCE_MS, key = Bun.randomUUIDv7()): Promise<Placed> {
  return shopper.checkout(cartOf([SKU], "pm_card_visa", CURRENCY), key, giveUpAt);
}

async function views(placed: readonly Placed[], until = 0) {
  const giveUpAt = Math.max(Date.now(), until);
  return (await Promise.all(placed.map(({ saga_id }) => shopper.status(saga_id, giveUpAt)))).map(existing);
}

/** The distinct ends of these checkouts. */
async function endsOf(placed: readonly Placed[]): Promise<readonly string[]> {
  const all = await views(placed, Date.now() + PATIENCE_MS);
  return [...new Set(all.map(({ failure_code, status }) => failure_code ?? status))];
}

async function everybodyHasRedis(): Promise<boolean> {
  const { ops } = system.context.addresses;
  const roles = ["orchestrator", "inventory", "payment", "order", "notification"];
  const texts = await Promise.all(roles.map(async (role) => (await fetch(`${ops[role]}/metrics`)).text()));
  return texts.every((text) => /^checkout_redis_up 1$/m.test(text));
}
