// Plans and runs in tests: on real databases, with dead letters from memory instead of a topic.
import type { DeadLetter } from "../../schemas/dead-letter.ts";
import type { Operator } from "../operations/plan.ts";
import type { BulkContext } from "../operations/bulk-context.ts";
import { allItemsOf, createPlan, type PlanRequest, type RunView } from "../operations/plans.ts";
import type { Databases } from "../operations/replay-facts.ts";
import type { MailWatch } from "../operations/replay-send.ts";
import { RunExecutor, type RunExecutorOptions } from "../operations/run-executor.ts";
import { followRun, reportOf, type RunReport } from "../operations/run-report.ts";
import { startRun, stopRun } from "../operations/runs.ts";
import { objectionToReplay } from "../orchestrator/replay.ts";
import { cloneDatabase, databasesAs, type TestDatabase } from "./database.ts";
import { TestInventory } from "./inventory.ts";
import { TestOrchestrator } from "./orchestrator.ts";
import { OutboxPump } from "./outbox-pump.ts";

export const ADA: Operator = { name: "ada", role: "operator" };

/** A mail service that reads everything and dead-letters nothing. */
export const allRead: MailWatch = {
  begin: () => Promise.resolve(),
  fates: (ids) => Promise.resolve(new Map(ids.map((id) => [id, "read"]))),
};

/** The four databases of bulk acts, with an orchestrator and an inventory that holds tea. */
export class BulkServers implements AsyncDisposable {
  readonly orchestrator: TestOrchestrator;
  readonly inventory: TestInventory;
  /** As an operator's console. */
  readonly databases: Databases;
  /** For what only a test does. */
  readonly own: Databases;
  readonly #others: readonly TestDatabase[];

  private constructor(
    orchestrator: TestOrchestrator,
    inventory: TestInventory,
    { payment, order }: Readonly<Record<"payment" | "order", TestDatabase>>,
  ) {
    this.orchestrator = orchestrator;
    this.inventory = inventory;
    this.#others = [payment, order];
    const all = { saga: orchestrator.database, inventory: inventory.database, payment, order };
    this.databases = databasesAs(all, "console");
    this.own = databasesAs(all, "superuser");
  }

  static async open(): Promise<BulkServers> {
    const orchestrator = await TestOrchestrator.open();
    const inventory = await TestInventory.open({ tea: 10_000 });
    const others = { payment: await cloneDatabase("payment"), order: await cloneDatabase("order") };
    return new BulkServers(orchestrator, inventory, others);
  }

  /** Deletes what a test has left, and stands in for relay and broker from now on. */
  async reset(): Promise<OutboxPump> {
    const { saga, inventory, payment } = this.own;
    await saga`truncate saga_state, saga_history, outbox, inbox, operator_actions, operator_plans cascade`;
    await inventory`truncate reservations, outbox, inbox, retry`;
    await payment`truncate outbox`;
    return new OutboxPump(this.orchestrator, this.inventory);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // One after the other, so that the error names the database that leaks.
    for (const one of [this.orchestrator, this.inventory, ...this.#others]) await one[Symbol.asyncDispose]();
  }
}

export function testContext(databases: Databases, letters: readonly DeadLetter[]): BulkContext {
  return {
    saga: databases.saga,
    databases: () => Promise.resolve(databases),
    database: (name) => Promise.resolve(databases[name]),
    async *readDeadLetters() {
      yield { values: letters, undecodable: [] };
    },
    objection: objectionToReplay,
    clock: { now: () => Date.now() },
    newId: () => Bun.randomUUIDv7(),
  };
}

export function testExecutor(
  context: BulkContext & Pick<RunExecutorOptions, "signal">,
  options: Partial<Pick<RunExecutorOptions, "executor" | "planId" | "leaseMs" | "mails">> = {},
): RunExecutor {
  return new RunExecutor({
    mails: allRead,
    executor: crypto.randomUUID(),
    planId: null,
    ...context,
    ...options,
  });
}

export interface BulkOptions extends Pick<PlanRequest, "kind" | "ratePerSecond" | "maxErrorRate" | "waitMs"> {
  readonly actor: string;
  readonly reason: string;
  readonly mails: MailWatch;
  /** Ends the run after the batch in flight. */
  readonly signal: AbortSignal;
  /** Called after each batch. */
  readonly onChange: (run: RunView) => void;
}

/** A plan of these dead letters and its run in one, as `dlq replay` and `dlq discard` do it. */
export async function planAndRun(
  databases: Databases,
  letters: readonly DeadLetter[],
  {
    kind = "dead-letter.replay",
    ratePerSecond = 10_000,
    maxErrorRate = 0.1,
    waitMs = 5_000,
    actor = "ada",
    reason = "fixed the cause",
    mails = allRead,
    signal = new AbortController().signal,
    onChange,
  }: Partial<BulkOptions> = {},
): Promise<RunReport> {
  const context = testContext(databases, letters);
  const operator: Operator = { name: actor, role: "operator" };
  const filter = { ids: letters.map(({ dead_letter_id }) => dead_letter_id) };
  const { plan_id, totals } = await createPlan(context, operator, {
    kind,
    filter,
    ratePerSecond,
    maxErrorRate,
    waitMs,
  });
  await startRun(context, operator, plan_id, { reason, typedCount: totals.units });
  await using executor = testExecutor(context, { planId: plan_id, mails });
  const ended = await followRun({ saga: databases.saga, planId: plan_id, executor, signal, onChange });
  if (ended.state === "running" || ended.state === "paused") await stopRun(context, operator, plan_id);
  return reportOf(ended, await allItemsOf(context, plan_id));
}
