// Kafka with encryption, accounts and access lists, on the compiled roles: a forged event goes nowhere, and a role that Kafka refuses stays up,
// says so, and goes on when it is allowed. Called by secure.e2e.test.ts.
import { beforeAll, expect, test } from "bun:test";
import postgres from "postgres";
import { cartOf, type Shopper } from "../../../bench/shopper.ts";
import { TOPICS } from "../../../schemas/topics.ts";
import { rulesOf } from "../../operations/access.ts";
import { openAdmin } from "../../platform/kafka/admin.ts";
import type { Readiness } from "../../platform/ops-http.ts";
import { eventOf } from "../../testkit/events.ts";
import { waitUntil } from "../wait.ts";
import { CURRENCY, existing, type RunningSystem } from "./running-system.ts";

const RUN_TIMEOUT_MS = 120_000;
const PATIENCE_MS = 60_000;
const DECLINED = "pm_card_visa_chargeDeclined";

let system: RunningSystem;
let shopper: Shopper;

async function place(paymentMethod = "pm_card_visa"): Promise<string> {
  const cart = cartOf(["tea"], paymentMethod, CURRENCY);
  return (await shopper.checkout(cart, Bun.randomUUIDv7(), Date.now() + PATIENCE_MS)).saga_id;
}

async function endOf(sagaId: string) {
  return existing(await shopper.status(sagaId, Date.now() + PATIENCE_MS));
}

/** Defines the tests. The system's orders have more time than any test. */
export function kafkaAccess(running: () => RunningSystem): void {
  beforeAll(async () => {
    system = running();
    shopper = await system.shopper();
    await system.restock("tea", 100);
  });

  test(
    "an event in the outbox of another service goes nowhere: nobody pays with it",
    async () => {
      // given a checkout whose payment service is away
      await system.stack.find("payment").stop();
      const saga = await place(DECLINED);
      await waitUntil("its stock is held", async () => (await system.story(saga)).reservation.length > 0, {
        timeoutMs: PATIENCE_MS,
      });
      // when somebody who can write into inventory's database says that it is paid
      const forged = eventOf("PaymentSucceeded", saga);
      await using inventory = inventoryDatabase();
      await inventory.sql`
      insert into outbox (event_id, topic, partition_key, payload, headers)
      values (${forged.message_id}, ${TOPICS.paymentEvents}, ${saga}, ${JSON.stringify(forged)}::text::jsonb,
              '{"type": "PaymentSucceeded"}')`;
      // then
      const count =
        /checkout_outbox_publish_failed_total\{(?=[^}]*code="REFUSED")(?=[^}]*database="inventory")[^}]*\} [1-9]/;
      await waitUntil(
        "the relay has refused it",
        async () => count.test(await opsText("relay", "/metrics")),
        {
          timeoutMs: PATIENCE_MS,
        },
      );
      await system.stack.restart("payment");
      expect(await endOf(saga)).toMatchObject({ status: "COMPENSATED", failure_code: "CARD_DECLINED" });
      await inventory.sql`delete from outbox where event_id = ${forged.message_id}`;
      expect(await system.audit()).toEqual({ code: 0, violations: [] });
    },
    RUN_TIMEOUT_MS,
  );

  test(
    "a role that may not read waits, says what it lacks, and reads on when it may",
    async () => {
      // given
      const reads = rulesOf().filter(
        ({ principal, operation, resource }) =>
          principal === "User:order" && operation === "READ" && resource === "topic",
      );
      await using admin = await openAdmin({ ...system.kafka(), clientId: "test" });
      const { pid } = system.stack.find("order");
      // when
      await admin.removeAccessRules(reads);
      const saga = await place();
      // then
      await waitUntil(
        "the role is not ready",
        async () => (await readiness("order")).status === "not_ready",
        {
          timeoutMs: PATIENCE_MS,
        },
      );
      const { checks } = await readiness("order");
      expect(checks["kafka access of the consumer"]?.reason).toMatch(
        /let order do this: `checkoutctl acl check`/,
      );
      expect(await opsText("order", "/metrics")).toContain('checkout_kafka_denied{client="the consumer"} 1');
      const check = await system.checkoutctl("acl", "check");
      expect([check.code, check.stdout.trim()]).toEqual([
        3,
        "missing: User:order may READ topic checkout-commands\nmissing: User:order may READ topic order-events",
      ]);
      // when
      await admin.addAccessRules(reads);
      // then
      expect(await endOf(saga)).toMatchObject({ status: "COMPLETED" });
      await waitUntil("the role is ready", async () => (await readiness("order")).status === "ready", {
        timeoutMs: PATIENCE_MS,
      });
      expect(system.stack.find("order").pid).toBe(pid);
      expect((await system.checkoutctl("acl", "check")).code).toBe(0);
      expect(await system.audit()).toEqual({ code: 0, violations: [] });
    },
    RUN_TIMEOUT_MS,
  );

  test("a role that finds wrong files does not start, and names them", async () => {
    const files = { KAFKA_KEY_FILE: "/nowhere/order.key", KAFKA_CA_FILE: "/etc/hostname" };
    const { code, log } = await system.endOf("order", files);
    expect(code).toBe(78);
    expect(log).toContain("KAFKA_CA_FILE: /etc/hostname holds no certificate");
    expect(log).toContain("KAFKA_KEY_FILE=/nowhere/order.key is not readable: there is no such file");
  });

  test(
    "a role that nobody knows stays up and says why it is not ready",
    async () => {
      // Without a certificate.
      const settings = { KAFKA_CERT_FILE: "", KAFKA_KEY_FILE: "" };
      await using stranger = await system.started("order", settings);
      await waitUntil(
        "it says why",
        async () => {
          const answer = await fetch(`${stranger.ops()}/readyz`).catch(() => null);
          return answer !== null && /waiting for Kafka.*KAFKA_CERT_FILE/.test(await answer.text());
        },
        { timeoutMs: PATIENCE_MS },
      );
      expect(stranger.exit()).toBeNull();
    },
    RUN_TIMEOUT_MS,
  );
}

async function opsText(role: string, path: string): Promise<string> {
  return await (await fetch(`${system.context.addresses.ops[role]}${path}`)).text();
}

async function readiness(role: string): Promise<Readiness> {
  const parsed: Readiness = JSON.parse(await opsText(role, "/readyz"));
  return parsed;
}

function inventoryDatabase() {
  const sql = postgres(system.context.addresses.postgres["inventory"] ?? "", { max: 1, onnotice: () => {} });
  return { sql, [Symbol.asyncDispose]: () => sql.end() };
}
