// Repairs databases that lack their last moments, for example a standby that was promoted before it had everything: finds by itself what
// they lack, then runs the rebuilds in the order in which they need each other. Called by `checkoutctl repair`.
//
// A line of the audit trail is written before anything of a database is changed, with the time since when it lacks something, and settled
// at the end. So a repair that was interrupted is continued from the same time, although what it wrote back is not missing any more.
// Every step may be repeated.
import type { Sql } from "postgres";
import { type DatabaseName, DATABASES } from "../../schemas/migrations.ts";
import type { Topic } from "../../schemas/topics.ts";
import { plural } from "../kernel/counted.ts";
import { AppError } from "../kernel/errors.ts";
import type { Clock } from "../kernel/ports.ts";
import { timestampOf } from "../kernel/timestamp.ts";
import { findInInbox } from "../messaging/inbox.ts";
import { recordActions } from "../messaging/operator-action-store.ts";
import { settleActions } from "./dead-letter-store.ts";
import { type OrderRebuildReport, rebuildOrders } from "./order-rebuild.ts";
import { type PaymentRebuildReport, rebuildPayments } from "./payment-rebuild.ts";
import { type ListingProvider, reopenCharged, type ReopenReport } from "./payment-reopen.ts";
import { findLosses, type Loss, type TopicBatch } from "./repair-loss.ts";
import { type PlannedRepair, planRepair, type RepairPlan, stoppedFor } from "./repair-plan.ts";
import { hasSessions, isStandby, type OpenRepair, openRepairs, sendAgain } from "./repair-store.ts";
import { type RestoreReport, restoreOutbox } from "./restore-outbox.ts";
import { rebuildStock, type StockRebuildReport } from "./stock-rebuild.ts";

/** Messages that are made unpublished in one transaction. */
const BATCH = 1_000;

/** What the rebuild of sagas reports; it is the orchestrator's. */
export interface SagasRebuilt {
  readonly lost_messages: number;
  readonly sagas: readonly {
    readonly saga_id: string;
    readonly from: string | null;
    readonly to: string;
    readonly key_taken: boolean;
  }[];
  /** Of finished orders. */
  readonly cancellations: {
    readonly rebuilt: readonly { readonly saga_id: string; readonly step: string }[];
    readonly not_rebuilt: readonly string[];
  };
  readonly not_rebuilt: readonly string[];
}

export interface RepairContext {
  readonly databases: Readonly<Record<DatabaseName, Sql>>;
  readonly readTopic: (topic: Topic) => AsyncIterable<TopicBatch> | Iterable<TopicBatch>;
  readonly settle: () => Promise<void>;
  readonly rebuildSagas: () => Promise<SagasRebuilt>;
  /** Every provider that lists charges to us. Called only for the payment database: without it, nobody needs their credentials. */
  readonly providers: () => Promise<readonly ListingProvider[]>;
  /** The name of the provider of requests that name none. */
  readonly provider: string;
  readonly clock: Clock;
  /** UUIDv7. */
  readonly newId: () => string;
}

export interface Examined {
  readonly plan: RepairPlan;
  readonly losses: readonly Loss[];
  readonly open: readonly OpenRepair[];
}

/** Reads only. Throws DATABASE_UNAVAILABLE if one of the databases is a standby still. `only`: no other database. */
export async function examine(context: RepairContext, only: DatabaseName | null): Promise<Examined> {
  const { databases } = context;
  for (const name of DATABASES)
    if (await isStandby(databases[name]))
      throw new AppError(
        "DATABASE_UNAVAILABLE",
        `the ${name} database is a standby: promote it, or correct its address`,
      );
  const losses = (await findLosses(context)).filter(({ database }) => only === null || database === only);
  const open = (await openRepairs(databases.saga)).filter(({ subject }) => only === null || subject === only);
  return { plan: planRepair(losses, open), losses, open };
}

/** The programs that must be stopped and are not, in words. */
export async function stillRunning(
  { databases }: RepairContext,
  plan: RepairPlan,
): Promise<readonly string[]> {
  const running: string[] = [];
  for (const { program, database } of stoppedFor(plan))
    if (await hasSessions(databases[database], program))
      running.push(`${program} (it has sessions in the ${database} database)`);
  return running;
}

export interface Repaired {
  readonly database: DatabaseName;
  readonly outbox: RestoreReport["topics"];
  readonly sagas?: SagasRebuilt;
  readonly cancellations?: SagasRebuilt["cancellations"];
  readonly stock?: StockRebuildReport;
  readonly payments?: PaymentRebuildReport;
  readonly reopened?: ReopenReport;
  readonly orders?: OrderRebuildReport;
  /** Messages that the relay sends again. */
  readonly delivered_again: number;
  /** What nothing here can give back, for a person; one sentence each. */
  readonly not_repaired: readonly string[];
  /** It has to be run again when a person has decided. */
  readonly unfinished: boolean;
}

export interface Who {
  readonly actor: string;
  readonly reason: string;
}

/** Repairs what `examine` found. Throws MESSAGE_INVALID, before it changes anything of a database, while one of the programs runs. */
export async function repair(
  context: RepairContext,
  { plan, losses, open }: Examined,
  who: Who,
): Promise<readonly Repaired[]> {
  const run_id = context.newId();
  const done: Repaired[] = [];
  for (const planned of plan.databases) {
    await requireStopped(context, plan);
    const { database, since } = planned;
    const action_id = context.newId();
    const act = { action_id, run_id, action: "database.repair", subject: database, saga_id: null } as const;
    const detail = `since ${timestampOf(since)}`;
    const line = { ...act, ...who, outcome: null, detail, parameters: { since }, at: context.clock.now() };
    await recordActions(context.databases.saga, [line]);
    const loss = losses.find((one) => one.database === database);
    const repaired = await repairOne(context, planned, loss, who);
    done.push(repaired);
    // Its line stays open, and the next run continues from the same time.
    if (repaired.unfinished) continue;
    const earlier = open.filter(({ subject }) => subject === database).map((one) => one.action_id);
    await settleActions(
      context.databases.saga,
      [...earlier, action_id].map((id) => ({
        action_id: id,
        outcome: repaired.not_repaired.length === 0 ? "repaired" : "repaired in part",
        detail: `${detail}; ${plural(repaired.delivered_again, "message")} delivered again, ${plural(repaired.not_repaired.length, "point")} open`,
      })),
    );
  }
  return done;
}

async function requireStopped(context: RepairContext, plan: RepairPlan): Promise<void> {
  const running = await stillRunning(context, plan);
  if (running.length === 0) return;
  throw new AppError("MESSAGE_INVALID", `stop first: ${running.join(", ")}`);
}

async function repairOne(
  context: RepairContext,
  planned: PlannedRepair,
  loss: Loss | undefined,
  who: Who,
): Promise<Repaired> {
  const { databases, readTopic, clock, newId } = context;
  const { database } = planned;
  const saga = databases.saga;
  // Its messages are written with their sagas, and the restore then finds only what belongs to no saga.
  const sagas = database === "saga" ? await context.rebuildSagas() : null;
  const outbox = databases[database];
  const restoring = { database, outbox, trail: saga, readTopic, clock, newId };
  const restored = await restoreOutbox({ ...restoring, ...who, dryRun: false });
  const rebuilt = await REBUILDS[database]({ ...context, ...who }, planned.since);
  const { open, isUnfinished = false, ...reports } = rebuilt;
  const delivered_again = isUnfinished ? 0 : await deliverAgain(databases, loss);
  return {
    database,
    outbox: restored.topics,
    ...(sagas === null ? {} : { sagas, cancellations: sagas.cancellations }),
    ...reports,
    delivered_again,
    not_repaired: [...(sagas === null ? [] : openOfSagas(sagas)), ...open],
    unfinished: isUnfinished,
  };
}

interface Rebuilt extends Pick<Repaired, "stock" | "payments" | "reopened" | "orders"> {
  readonly open: readonly string[];
  /** Its messages must not be delivered again: they would be decided anew. */
  readonly isUnfinished?: true;
}

/** The rows of each database, from the messages that were written back. */
const REBUILDS: Readonly<
  Record<DatabaseName, (context: RepairContext & Who, since: number) => Promise<Rebuilt>>
> = {
  // Its rows were rebuilt with its messages.
  saga: () => Promise.resolve({ open: [] }),

  async inventory(context, since) {
    try {
      const { inventory } = context.databases;
      return { stock: await rebuildStock({ ...rebuildingOf(context, since), inventory }), open: [] };
    } catch (error) {
      // More is reserved than there is: checkouts after the failover took what those before it had. A person decides.
      if (!(error instanceof AppError && error.code === "MESSAGE_INVALID")) throw error;
      const what = `${error.message}, or cancel checkouts that were accepted after the failover; then run this again`;
      return { open: [what], isUnfinished: true };
    }
  },

  async payment(context, since) {
    const { databases, provider, clock } = context;
    const { payment, saga } = databases;
    const payments = await rebuildPayments({ ...rebuildingOf(context, since), payment, provider });
    const reopened = await reopenCharged({
      payment,
      saga,
      since,
      now: clock.now(),
      providers: await context.providers(),
    });
    return { payments, reopened, open: reopened.open };
  },

  async order(context, since) {
    const { order } = context.databases;
    const orders = await rebuildOrders({ ...rebuildingOf(context, since), order, dryRun: false });
    return { orders, open: openOfOrders(orders) };
  },
};

function rebuildingOf({ databases, newId, clock, actor, reason }: RepairContext & Who, since: number) {
  return { saga: databases.saga, since, newId, now: clock.now(), actor, reason };
}

/** Not what is in the inbox by now: the rebuilds have entered it there, because it was answered. */
async function deliverAgain(
  databases: Readonly<Record<DatabaseName, Sql>>,
  loss: Loss | undefined,
): Promise<number> {
  if (loss === undefined) return 0;
  let sent = 0;
  const messages = [...loss.untaken, ...loss.newest];
  for (let start = 0; start < messages.length; start += BATCH) {
    const part = messages.slice(start, start + BATCH);
    const taken = await findInInbox(
      databases[loss.database],
      part.map(({ message_id }) => message_id),
    );
    const left = part.filter(({ message_id }) => !taken.has(message_id));
    for (const [from, theirs] of Map.groupBy(left, (one) => one.from))
      sent += await sendAgain(
        databases[from],
        theirs.map(({ message_id }) => message_id),
      );
  }
  return sent;
}

function openOfSagas({ sagas, cancellations, not_rebuilt }: SagasRebuilt): readonly string[] {
  return [
    ...not_rebuilt.map((id) => `checkout ${id}: no message shows what the shopper ordered`),
    ...cancellations.not_rebuilt,
    ...sagas
      .filter(({ key_taken }) => key_taken)
      .map(
        ({ saga_id }) =>
          `checkout ${saga_id}: its shopper has sent it again in the meantime; check whether both are wanted`,
      ),
  ];
}

function openOfOrders({ open, skipped, erased_shoppers }: OrderRebuildReport): readonly string[] {
  return [
    ...open.map(({ order_id, saga_id, what }) => `order ${order_id} of checkout ${saga_id}: ${what}`),
    ...skipped.map((id) => `order ${id} was changed by somebody else meanwhile: run this again`),
    ...erased_shoppers.map((id) => `shopper ${id} was erased since: run \`checkoutctl shopper erase\` again`),
  ];
}
