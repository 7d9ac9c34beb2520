// Plans of bulk acts: what would be done to which items, frozen before anything is done. A plan is started, and its run steered, in
// runs.ts; run-executor.ts executes it. Called by checkoutctl and by an operators' console, which get the same guards and the same
// audit trail.
import type { Sql } from "postgres";
import { handlingsOf } from "./dead-letter-store.ts";
import { type DeadLetterFilter } from "./dead-letters.ts";
import { messageIdOf } from "../messaging/read-dead-letter.ts";
import {
  describeTotals,
  MAX_PLAN_ITEMS,
  needsTypedCount,
  type Operator,
  PLAN_EXPIRES_MS,
  type PlanItem,
  PlanRefused,
  type RunState,
  type Totals,
  totalsOf,
} from "./plan.ts";
import type { BulkContext } from "./bulk-context.ts";
import { recordAct, requirePermission } from "./plan-audit.ts";
import { type Candidate, inOrder, plannedDiscard, plannedReplay } from "./plan-items.ts";
import {
  failedReplays,
  findItems,
  findRun,
  findRuns,
  insertPlan,
  type ItemPage,
  type ItemRow,
  type NewPlan,
  purgePlans,
  type RunRow,
} from "./plan-store.ts";
import { estimateMs, MAX_BATCH, MAX_REPUBLISH_BATCH } from "./ramp.ts";
import { examine } from "./replay-facts.ts";
import { decideReplay } from "./replay-plan.ts";
import { findSagas } from "./saga-store.ts";
import { selectDeadLetters } from "./select-dead-letters.ts";
import type { DeadLetter } from "../../schemas/dead-letter.ts";
import { UUID } from "../kernel/uuid.ts";

const DAY_MS = 24 * 60 * 60 * 1_000;
/** As long as the audit trail is read. */
const RUN_RETENTION_MS = 400 * DAY_MS;
const DRAFT_RETENTION_MS = 7 * DAY_MS;
/** Plans deleted when one is made. */
const MAX_PURGED = 20;
const MAX_PAGE = 500;
const MAX_RATE = 100_000;
const MAX_WAIT_MS = 10 * 60_000;

export interface PlanRequest {
  readonly kind: "dead-letter.replay" | "dead-letter.discard";
  readonly filter: DeadLetterFilter;
  /** Every open dead letter; without it an empty filter is refused. */
  readonly everything?: boolean | undefined;
  /** Replays a quarantined message. The filter must be its id alone, and the start must repeat the id. */
  readonly allowsQuarantined?: boolean | undefined;
  readonly ratePerSecond: number;
  /** A share from 0 to 1: the run pauses itself when more fail. */
  readonly maxErrorRate: number;
  /** How long to wait for the outcome of an item, in ms. */
  readonly waitMs: number;
}

/** A plan and its run, with what follows from both. */
export interface RunView extends RunRow {
  /** Whether the start needs the typed count, `totals.units`. */
  readonly needs_typed_count: boolean;
  /** Estimated time for the rest at the present rate, in ms. */
  readonly estimate_ms: number;
}

/** What a plan would hold. */
export interface Preview {
  readonly items: readonly PlanItem[];
  readonly totals: Totals;
}

/** What `createPlan` would freeze. Writes nothing. Throws as `createPlan` does. */
export async function previewPlan(context: BulkContext, request: PlanRequest): Promise<Preview> {
  requireValid(request);
  const planned: Omit<PlanItem, "position">[] = [];
  // Decided part by part: of 10,000 messages only the decisions are kept.
  for await (const records of selectDeadLetters(context.saga, context.readDeadLetters, request)) {
    planned.push(...(await itemsFor(context, request, records)));
    if (planned.length > MAX_PLAN_ITEMS)
      throw new PlanRefused(
        "too-many",
        `more than ${MAX_PLAN_ITEMS} dead letters match, the most for a plan: narrow the filter, for example by time`,
      );
  }
  const items = inOrder(planned).map((item, position) => ({ ...item, position }));
  return { items, totals: totalsOf(items) };
}

/**
 * Freezes what would be done: the items with their decision, the totals, the money touched. Changes nothing else, and reads the
 * whole dead-letter topic. Throws PlanRefused: `not-permitted`, `invalid`, `not-found`, `nothing-matches`, `nothing-open`,
 * `too-many`, `quarantined`.
 */
export async function createPlan(
  context: BulkContext,
  actor: Operator,
  request: PlanRequest,
): Promise<RunView> {
  const plan_id = context.newId();
  await requirePermission(context, actor, {
    action: "plan.create",
    subject: plan_id,
    run_id: plan_id,
  });
  const { items, totals } = await previewPlan(context, request);
  const { filter, everything = false } = request;
  return savePlan(context, actor, {
    plan_id,
    kind: request.kind,
    selection: { ...filter, ...(everything ? { everything } : {}) },
    items,
    totals,
    allows_quarantined: request.allowsQuarantined === true,
    rate_per_second: request.ratePerSecond,
    max_error_rate: request.maxErrorRate,
    wait_ms: request.waitMs,
  });
}

/** Writes the plan with its line in the audit trail, and deletes plans that are too old. */
export async function savePlan(
  context: Pick<BulkContext, "saga" | "clock" | "newId">,
  actor: Operator,
  { items, ...plan }: Omit<NewPlan, "created_by" | "expiresMs"> & { readonly items: readonly PlanItem[] },
): Promise<RunView> {
  const { plan_id, kind, totals } = plan;
  const now = context.clock.now();
  await context.saga.begin(async (tx) => {
    await purgePlans(tx, {
      draftsBefore: now - DRAFT_RETENTION_MS,
      endedBefore: now - RUN_RETENTION_MS,
      most: MAX_PURGED,
    });
    await insertPlan(tx, { ...plan, created_by: actor.name, expiresMs: PLAN_EXPIRES_MS }, items);
    await recordAct(context, tx, actor, {
      action: "plan.create",
      subject: plan_id,
      run_id: plan_id,
      reason: null,
      outcome: "planned",
      detail: `${kind}: ${describeTotals(totals)}, ${totals.skipped} skipped, ${totals.refused} refused`,
    });
  });
  return planOf(context, plan_id);
}

/** The plan and, once it is started, its run. Throws PlanRefused `not-found`. */
export async function planOf({ saga }: Pick<BulkContext, "saga">, planId: string): Promise<RunView> {
  const row = UUID.test(planId) ? await findRun(saga, planId) : undefined;
  if (row === undefined)
    throw new PlanRefused(
      "not-found",
      `there is no plan or run ${planId}: \`checkoutctl run list\` lists them`,
    );
  return viewOf(row);
}

/** The items in the order of execution. The next page begins after the last position of this one. */
export async function itemsOf(
  { saga }: Pick<BulkContext, "saga">,
  planId: string,
  { outcome = null, after = -1, limit = MAX_PAGE }: Partial<ItemPage> = {},
): Promise<readonly ItemRow[]> {
  return findItems(saga, planId, { outcome, after, limit: Math.min(limit, MAX_PAGE) });
}

/** All items, or all with this outcome, page by page. */
export async function allItemsOf(
  context: Pick<BulkContext, "saga">,
  planId: string,
  outcome: ItemPage["outcome"] = null,
): Promise<readonly ItemRow[]> {
  const items: ItemRow[] = [];
  for (;;) {
    const page = await itemsOf(context, planId, { outcome, after: items.at(-1)?.position ?? -1 });
    items.push(...page);
    if (page.length < MAX_PAGE) return items;
  }
}

/** Newest first. The next page is older than the last plan of this one. */
export async function listRuns(
  { saga }: Pick<BulkContext, "saga">,
  {
    state = null,
    before = null,
    limit = 50,
  }: { readonly state?: RunState | null; readonly before?: string | null; readonly limit?: number } = {},
): Promise<readonly RunView[]> {
  const rows = await findRuns(saga, { state, before, limit: Math.min(limit, MAX_PAGE) });
  return rows.map(viewOf);
}

function viewOf(row: RunRow): RunView {
  const { totals, units_done, rate_per_second, kind, state } = row;
  const isOver = state === "done" || state === "stopped" || state === "expired";
  const done = kind === "outbox.republish" ? units_done : totals.acts - leftOf(row);
  const left = isOver ? 0 : Math.max(0, totals.units - done);
  return {
    ...row,
    needs_typed_count: needsTypedCount(totals),
    estimate_ms: estimateMs(
      left,
      rate_per_second,
      kind === "outbox.republish" ? MAX_REPUBLISH_BATCH : MAX_BATCH,
    ),
  };
}

/** Items that may still be acted on. Those that the plan skips or refuses take no time. */
function leftOf({ counts: { not_reached, in_flight }, totals }: RunRow): number {
  return Math.min(totals.acts, not_reached + in_flight);
}

function requireValid({
  kind,
  filter,
  everything,
  allowsQuarantined,
  ratePerSecond,
  maxErrorRate,
  waitMs,
}: PlanRequest): void {
  requireRate(ratePerSecond);
  if (!(maxErrorRate >= 0 && maxErrorRate <= 1))
    throw new PlanRefused("invalid", "the maximum error rate must be a share from 0 to 1");
  if (!Number.isSafeInteger(waitMs) || waitMs < 1 || waitMs > MAX_WAIT_MS)
    throw new PlanRefused("invalid", `the wait for an outcome must be from 1 ms to ${MAX_WAIT_MS} ms`);
  if (
    allowsQuarantined === true &&
    (kind !== "dead-letter.replay" || everything === true || filter.ids?.length !== 1)
  )
    throw new PlanRefused(
      "quarantined",
      "a quarantined message is replayed alone: select it by its id, and nothing else",
    );
}

/** Throws PlanRefused `invalid`. */
export function requireRate(ratePerSecond: number): void {
  if (!(ratePerSecond > 0 && ratePerSecond <= MAX_RATE))
    throw new PlanRefused("invalid", `the rate must be above 0 and at most ${MAX_RATE} per second`);
}

async function itemsFor(
  context: BulkContext,
  request: PlanRequest,
  records: readonly DeadLetter[],
): Promise<readonly Omit<PlanItem, "position">[]> {
  const items: Omit<PlanItem, "position">[] = [];
  for (let start = 0; start < records.length; start += MAX_BATCH) {
    const part = records.slice(start, start + MAX_BATCH);
    const planned = request.kind === "dead-letter.replay" ? plannedReplays : plannedDiscards;
    items.push(...(await planned(context, part, request.allowsQuarantined === true)));
  }
  return items;
}

async function plannedReplays(
  context: BulkContext,
  records: readonly DeadLetter[],
  allowsQuarantined: boolean,
): Promise<readonly Omit<PlanItem, "position">[]> {
  const examined = await examine(await context.databases(), records, context.clock.now());
  const read = examined.map(({ record, original, facts }) => ({
    record,
    messageId: original.message_id ?? null,
    saga: facts.saga,
    decision: decideReplay(original, facts, context.objection),
  }));
  const replays = await replaysOf(context.saga, read);
  return read.map(({ decision, ...one }) =>
    plannedReplay({ ...one, replays: replays(one) }, decision, allowsQuarantined),
  );
}

async function plannedDiscards(
  { saga }: BulkContext,
  records: readonly DeadLetter[],
): Promise<readonly Omit<PlanItem, "position">[]> {
  const read = records.map((record) => ({ record, messageId: messageIdOf(record) }));
  const [handlings, sagas, replays] = await Promise.all([
    handlingsOf(
      saga,
      records.map(({ dead_letter_id }) => dead_letter_id),
    ),
    findSagas(
      saga,
      records.flatMap(({ saga_id }) => saga_id ?? []),
    ),
    replaysOf(saga, read),
  ]);
  return read.map((one) => {
    const { dead_letter_id, saga_id } = one.record;
    const candidate = { ...one, saga: sagas.get(saga_id ?? ""), replays: replays(one) };
    return plannedDiscard(candidate, handlings.get(dead_letter_id));
  });
}

/** How often each message was replayed without success. */
async function replaysOf(
  saga: Sql,
  read: readonly Pick<Candidate, "messageId">[],
): Promise<(one: Pick<Candidate, "messageId">) => number> {
  const times = await failedReplays(
    saga,
    read.flatMap(({ messageId }) => messageId ?? []),
  );
  return ({ messageId }) => times.get(messageId ?? "") ?? 0;
}
