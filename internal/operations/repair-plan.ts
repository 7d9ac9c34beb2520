// What `checkoutctl repair` would do, in words: per database what was lost, of which checkouts, and the steps that put it right. Pure. Called by
// repair.ts; the command prints it.
import { type DatabaseName, DATABASES } from "../../schemas/migrations.ts";
import { DEAD_LETTER_TYPE } from "../../schemas/outbox-rules.ts";
import { timestampOf } from "../kernel/timestamp.ts";
import type { FoundMessage, Loss } from "./repair-loss.ts";
import type { OpenRepair } from "./repair-store.ts";

export interface PlannedRepair {
  readonly database: DatabaseName;
  /** Epoch ms: nothing before it is lost. */
  readonly since: number;
  /** Continues a repair that was interrupted. */
  readonly resumes: boolean;
  /** How many messages of each type Kafka has and its outbox not. */
  readonly lost: readonly Counted[];
  /** How many messages of each type it gets again. */
  readonly delivered_again: readonly Counted[];
  /** The checkouts of these messages. */
  readonly sagas: readonly AffectedSaga[];
  /** What will be done, in order. */
  readonly steps: readonly string[];
}

export interface Counted {
  readonly type: string;
  readonly count: number;
}

export interface AffectedSaga {
  readonly saga_id: string;
  /** What was lost, by the messages that reported it. */
  readonly lost: readonly string[];
  readonly delivered_again: readonly string[];
}

export interface RepairPlan {
  readonly databases: readonly PlannedRepair[];
  /** Lost messages and messages to deliver again; the number to confirm. */
  readonly count: number;
}

/** The saga database first: the others are repaired from its commands and checkouts. */
const ORDER: readonly DatabaseName[] = ["saga", "inventory", "payment", "order"];

/** A program that must not run meanwhile, and the database in which its sessions show that it does. */
export interface Stopped {
  readonly program: string;
  readonly database: DatabaseName;
}

/**
 * The orchestrator in any case: its commands would overtake those that are delivered again, and its deadlines would act on half a repair.
 * Programs give their sessions in Postgres their own names.
 */
export function stoppedFor({ databases }: RepairPlan): readonly Stopped[] {
  const services = databases.filter(({ database }) => database !== "saga");
  return [
    { program: "checkout-orchestrator", database: "saga" },
    ...services.map(({ database }) => ({ program: `checkout-${database}`, database })),
  ];
}

/** An interrupted repair is continued with its own time: what it wrote back is not missing any more. */
export function planRepair(
  losses: readonly Loss[],
  interrupted: readonly Pick<OpenRepair, "subject" | "since">[],
): RepairPlan {
  const databases = ORDER.flatMap((database): PlannedRepair[] => {
    const loss = losses.find((one) => one.database === database);
    if (loss === undefined) return [];
    const earlier = interrupted.filter(({ subject }) => subject === database).map(({ since }) => since);
    const times = [...earlier, ...(loss.since === null ? [] : [loss.since])];
    if (times.length === 0) return [];
    return [
      {
        database,
        since: Math.min(...times),
        resumes: earlier.length > 0,
        lost: countsOf(loss.lost),
        delivered_again: countsOf(loss.untaken),
        sagas: sagasOf(loss),
        steps: STEPS[database],
      },
    ];
  });
  const named = new Set(databases.map(({ database }) => database));
  const count = losses
    .filter(({ database }) => named.has(database))
    .reduce((sum, { lost, untaken }) => sum + lost.length + untaken.length, 0);
  return { databases, count };
}

const WRITE_BACK = "write the lost messages back into its outbox";
const STEPS: Readonly<Record<DatabaseName, readonly string[]>> = {
  saga: [
    "rebuild every checkout that is lost or behind from its messages and orders, and lost cancellations of orders, each at its last step",
    `${WRITE_BACK}, dead letters included`,
    "have the events that it lost delivered again",
  ],
  inventory: [
    WRITE_BACK,
    "recreate the lost reservations, set each to its last state, and count the stock from them",
    "have the commands without a reply delivered again",
  ],
  payment: [
    WRITE_BACK,
    "enter the lost charges with an unknown result: the payment service asks the provider about each, under the same key",
    "compare with each provider's list: a payment that ended here although the provider took or holds the money is refunded or released",
    "have the commands that it lost delivered again",
  ],
  order: [
    WRITE_BACK,
    "recreate the lost orders, and ship, deliver and cancel them as they were; nobody is told again",
    "have the commands without a reply delivered again",
  ],
};

function countsOf(messages: readonly FoundMessage[]): readonly Counted[] {
  const groups = Map.groupBy(messages, ({ type }) => type);
  return [...groups]
    .map(([type, of]) => ({ type, count: of.length }))
    .toSorted((a, b) => (a.type < b.type ? -1 : 1));
}

function sagasOf({ lost, untaken }: Loss): readonly AffectedSaga[] {
  const sagas = new Map<string, { lost: string[]; delivered_again: string[] }>();
  const at = (saga_id: string) => {
    const known = sagas.get(saga_id) ?? { lost: [], delivered_again: [] };
    sagas.set(saga_id, known);
    return known;
  };
  for (const { saga_id, type } of lost) if (saga_id !== null) at(saga_id).lost.push(type);
  for (const { saga_id, type } of untaken) if (saga_id !== null) at(saga_id).delivered_again.push(type);
  return [...sagas].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([saga_id, of]) => ({ saga_id, ...of }));
}

/** Checkouts named per database in the text; all are in the JSON. */
const MAX_NAMED = 20;

export function planText({ databases }: RepairPlan): string {
  const healthy = DATABASES.filter((name) => databases.every(({ database }) => database !== name));
  return [
    ...databases.map(repairText),
    ...(healthy.length === 0 ? [] : [`nothing is missing in: ${healthy.join(", ")}`]),
  ].join("\n\n");
}

function repairText({
  database,
  since,
  resumes,
  lost,
  delivered_again,
  sagas,
  steps,
}: PlannedRepair): string {
  const named = sagas.slice(0, MAX_NAMED);
  const dead = lost.find(({ type }) => type === DEAD_LETTER_TYPE)?.count ?? 0;
  return [
    `${database}: lacks what happened since ${timestampOf(since)} at the earliest${resumes ? "; an earlier repair was interrupted" : ""}`,
    `  lost: ${countedText(lost)}${dead > 0 ? " (dead letters wait for an operator again)" : ""}`,
    `  never arrived, or forgotten: ${countedText(delivered_again)}`,
    `  ${sagas.length} checkouts:`,
    ...named.map(sagaText),
    ...(sagas.length > named.length
      ? [`    and ${sagas.length - named.length} more (--json lists all)`]
      : []),
    "  will:",
    ...steps.map((step, index) => `    ${index + 1}. ${step}`),
  ].join("\n");
}

function sagaText({ saga_id, lost, delivered_again }: AffectedSaga): string {
  const parts = [
    ...(lost.length === 0 ? [] : [`lost ${lost.join(", ")}`]),
    ...(delivered_again.length === 0 ? [] : [`gets ${delivered_again.join(", ")} again`]),
  ];
  return `    ${saga_id}: ${parts.join("; ")}`;
}

function countedText(counts: readonly Counted[]): string {
  return counts.length === 0 ? "nothing" : counts.map(({ type, count }) => `${count} ${type}`).join(", ");
}
