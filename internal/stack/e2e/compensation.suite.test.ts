// Every way an accepted checkout can start to compensate, on the compiled roles and through Kafka: a service that times out, in each
// step; stock that expires or is lost during the charge; a cancel by an operator. (Immediate failures are in outcomes.suite.test.ts.)
// Each ends with a reason and a mail, and restores money and stock. Called by checkouts.e2e.test.ts.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { cartOf, type Shopper } from "../../../bench/shopper.ts";
import type { SagaStatus, SagaStatusView } from "../../../schemas/http.ts";
import type { ProviderLedgerEntry } from "../../../schemas/provider-ledger.ts";
import { type Managed, start } from "../managed.ts";
import type { Role, RoleOverrides } from "../role-env.ts";
import { roleProcess } from "../roles.ts";
import { waitUntil } from "../wait.ts";
import { CURRENCY, existing, freePort, LATENCY, type RunningSystem } from "./running-system.ts";

const TEST_TIMEOUT_MS = 120_000;
/** The limit for one checkout, including deadline and compensation. */
const PATIENCE_MS = 60_000;
const DEADLINE_MS = 8_000;
/** Where stock expires during a checkout, long before the deadline. */
const HOLD_MS = 3_000;
/** Much longer than a hold. */
const SLOW_CHARGE = "fixed:7000";

type Movement = ProviderLedgerEntry["kind"];
const UNDONE: readonly Movement[] = ["charge", "refund"];

export const COMPENSATION: RoleOverrides = {
  orchestrator: { FORWARD_DEADLINE_MS: String(DEADLINE_MS), RESEND_FIRST_MS: "1000" },
};
/** With the deadline of production. */
const PATIENT: RoleOverrides = { orchestrator: { RESEND_FIRST_MS: "1000" } };
const EXPIRING: RoleOverrides = {
  ...PATIENT,
  inventory: {
    RESERVATION_HOLD_MS: String(HOLD_MS),
    SWEEP_INTERVAL_MS: "200",
    PUBLISH_AFTER_COMMIT: "false",
  },
};

let system: RunningSystem;
let shopper: Shopper;
/** A separate relay for inventory, so that only inventory's events can be delayed. */
let inventoryRelay: Managed;

/** Defines the tests. The roles have the settings COMPENSATION, and others afterwards; the provider is as fast as before. */
export function compensation(running: () => RunningSystem): void {
  beforeAll(async () => {
    system = running();
    shopper = await system.shopper();
  });
  afterAll(() => system.providerTakes(LATENCY));

  describe("an expired deadline starts compensation", () => {
    const cases: readonly {
      readonly step: string;
      readonly paused: Role;
      /** The role that it answered before; it is paused until the other one is. */
      readonly after?: Role;
      /** Null if both no entry and a charge with its refund are correct. */
      readonly ledger: readonly Movement[] | null;
    }[] = [
      { step: "reserve", paused: "inventory", ledger: [] },
      // Charge or cancel may reach it first; in both cases the shopper pays nothing.
      { step: "charge", paused: "payment", ledger: null },
      { step: "confirm", paused: "inventory", after: "payment", ledger: ["charge", "refund"] },
      { step: "order", paused: "order", ledger: ["charge", "refund"] },
    ];
    for (const { step, paused, after, ledger } of cases) {
      test(
        `in the step ${step}, with ${paused} paused`,
        async () => {
          // given
          const sku = `deadline-${step}`;
          await system.restock(sku, 3);
          system.stack.kill(after ?? paused, "SIGSTOP");
          const sagaId = await place(sku);
          if (after !== undefined) {
            await reaches(sagaId, "INVENTORY_RESERVED");
            system.stack.kill(paused, "SIGSTOP");
            system.stack.kill(after, "SIGCONT");
          }
          // when
          await reaches(sagaId, "COMPENSATING");
          const { current_step } = existing(await shopper.status(sagaId, Date.now()));
          system.stack.kill(paused, "SIGCONT");
          // then
          expect(current_step).toBe(step);
          await expectUndone(sagaId, "DEADLINE_EXCEEDED", ledger);
          await expectOnShelf(sku, 3);
        },
        TEST_TIMEOUT_MS,
      );
    }
  });

  describe("a cancel", () => {
    beforeAll(() => system.changeTo(PATIENT), TEST_TIMEOUT_MS);
    cancelByOperator();
  });

  describe("a hold that ends", () => {
    beforeAll(() => system.changeTo(EXPIRING), TEST_TIMEOUT_MS);
    endingHolds();
  });

  test(
    "the final audit is clean",
    async () => {
      expect(await system.audit()).toEqual({ code: 0, violations: [] });
    },
    TEST_TIMEOUT_MS,
  );
}

function cancelByOperator(): void {
  test(
    "by an operator starts compensation and is idempotent",
    async () => {
      // given
      await system.restock("cancelled", 1);
      system.stack.kill("order", "SIGSTOP");
      const sagaId = await place("cancelled");
      await reaches(sagaId, "PAYMENT_CHARGED");
      // when
      const told = await system.checkoutctl("saga", "cancel", sagaId, "--reason", "fraud, by phone");
      system.stack.kill("order", "SIGCONT");
      // then
      expect([told.code, told.stderr]).toEqual([0, ""]);
      const view = await expectUndone(sagaId, "OPERATOR_CANCELLED", ["charge", "refund"]);
      await expectOnShelf("cancelled", 1);
      // and a second cancel only repeats the result
      const again = await system.checkoutctl("saga", "cancel", sagaId, "--reason", "again");
      expect(again.stdout + again.stderr).toContain("COMPENSATED");
      expect(existing(await shopper.status(sagaId, Date.now()))).toEqual(view);
    },
    TEST_TIMEOUT_MS,
  );
}

function endingHolds(): void {
  test(
    "a reservation that expires during the charge starts compensation and a refund",
    async () => {
      // given
      await system.restock("expiring", 1);
      await system.providerTakes(SLOW_CHARGE);
      // when
      const sagaId = await place("expiring");
      await reaches(sagaId, "COMPENSATING");
      await system.providerTakes(LATENCY);
      // then
      await expectUndone(sagaId, "RESERVATION_EXPIRED", ["charge", "refund"]);
      await expectOnShelf("expiring", 1);
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "a reservation whose stock another shopper took starts compensation and a refund",
    async () => {
      // given that the charge reaches the saga before inventory's expiry event
      await using _ = await splitRelay();
      await system.restock("last-one", 1);
      await system.providerTakes(LATENCY);
      system.stack.kill("payment", "SIGSTOP");
      const first = await place("last-one");
      await reaches(first, "INVENTORY_RESERVED");
      inventoryRelay.kill("SIGKILL");
      await expectOnShelf("last-one", 1);
      // when another checkout takes the stock, and then the first one is paid
      const second = await place("last-one");
      await expectOnShelf("last-one", 0);
      system.stack.kill("payment", "SIGCONT");
      await waitUntil(
        "the reservation is lost",
        async () => (await system.story(first)).timeline.some(({ what }) => what.includes("ReservationLost")),
        { timeoutMs: PATIENCE_MS },
      );
      await inventoryRelay.restart();
      // then
      await expectUndone(first, "RESERVATION_LOST", ["charge", "refund"]);
      await untilFinished(second);
    },
    TEST_TIMEOUT_MS,
  );
}

async function place(sku: string): Promise<string> {
  const cart = cartOf([sku], "pm_card_visa", CURRENCY);
  return (await shopper.checkout(cart, Bun.randomUUIDv7(), Date.now() + PATIENCE_MS)).saga_id;
}

async function reaches(sagaId: string, status: SagaStatus): Promise<void> {
  const isThere = async () => existing(await shopper.status(sagaId, Date.now())).status === status;
  await waitUntil(`saga ${sagaId} is ${status}`, isThere, { timeoutMs: PATIENCE_MS });
}

async function untilFinished(sagaId: string): Promise<SagaStatusView> {
  return existing(await shopper.status(sagaId, Date.now() + PATIENCE_MS));
}

/** Checks the failure code, that nothing is charged, held or ordered, and the mail. */
async function expectUndone(
  sagaId: string,
  failure_code: string,
  ledger: readonly Movement[] | null,
): Promise<SagaStatusView> {
  const view = await untilFinished(sagaId);
  expect(view).toMatchObject({ status: "COMPENSATED", failure_code, order_id: null });
  const { reservation, orders } = await system.story(sagaId);
  expect(reservation.filter(({ status }) => status === "HELD" || status === "CONFIRMED")).toEqual([]);
  expect(orders.filter(({ status }) => status !== "CANCELLED")).toEqual([]);
  const moved = (await system.ledgerOf(sagaId)).map(({ kind }) => kind);
  expect(moved).toEqual(ledger === null && moved.length === 0 ? [] : [...(ledger ?? UNDONE)]);
  expect((await system.mailAbout(sagaId, "checkout_failed")).source).toContain("You pay nothing");
  return view;
}

async function expectOnShelf(sku: string, count: number): Promise<void> {
  const isThere = async () => (await system.available(sku)) === count;
  await waitUntil(`${count} of ${sku} are available`, isThere, { timeoutMs: PATIENCE_MS });
}

/** Replaces the relay with one for inventory and one for the others, until it is disposed of. */
async function splitRelay(): Promise<AsyncDisposable> {
  const { stack, context } = system;
  const { postgres } = context.addresses;
  const relayOf = (name: string, databases: readonly string[]) =>
    start(
      roleProcess({
        ...context,
        role: "relay",
        opsPort: freePort(),
        dataDirectory: stack.dataDirectory,
        logFile: join(stack.dataDirectory, "logs", `${name}.log`),
        overrides: {
          DATABASE_URLS: databases.map((database) => `${database}=${postgres[database]}`).join(","),
        },
      }),
    );
  await stack.find("relay").stop();
  inventoryRelay = await relayOf("relay-inventory", ["inventory"]);
  const others = await relayOf("relay-others", ["saga", "payment", "order"]);
  return {
    async [Symbol.asyncDispose]() {
      await inventoryRelay.stop();
      await others.stop();
      await stack.restart("relay");
    },
  };
}
