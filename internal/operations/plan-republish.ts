// Plans to publish messages of the outboxes again, to rebuild the topics after Kafka lost data. Harmless if Kafka still has a message,
// because consumers take each message id once. The items of a plan are the outboxes; what is frozen is the range of time and the time
// of the plan: what was published since then is left out, so every message goes out once more. run-republish.ts executes it. Called by
// checkoutctl and by an operators' console.
import type { Sql } from "postgres";
import { DATABASES, type DatabaseName } from "../../schemas/migrations.ts";
import type { BulkContext } from "./bulk-context.ts";
import { clockOf } from "./clock-store.ts";
import { discardedMessages } from "./dead-letter-store.ts";
import { type Operator, type PlanItem, PlanRefused, type Totals, totalsOf } from "./plan.ts";
import { requirePermission } from "./plan-audit.ts";
import { requireRate, type RunView, savePlan } from "./plans.ts";
import { countPublished, oldestHeld, type TimeRange } from "./republish-store.ts";

export interface RepublishRequest {
  readonly databases: readonly DatabaseName[];
  /** Epoch ms: only messages written since then. */
  readonly since: number;
  /** Only messages written before; null for no end. */
  readonly until: number | null;
  /** Only messages that were published before; null for now. With the value of a run that was stopped, the rest of it. */
  readonly publishedBefore: number | null;
  readonly ratePerSecond: number;
}

/** As the plan keeps it. */
export interface RepublishSelection extends Readonly<Record<string, unknown>> {
  readonly since: number;
  readonly until: number | null;
  readonly published_before: number;
}

export interface PlannedOutbox {
  readonly database: DatabaseName;
  /** How many messages would be published again. */
  readonly events: number;
  /** Epoch ms. The time of the oldest message; older ones cannot be published again. Null if the outbox is empty. */
  readonly oldest_at: number | null;
}

export interface RepublishPreview {
  readonly outboxes: readonly PlannedOutbox[];
  readonly totals: Totals;
  /** A plan with this value, and the same `since` and `until`, has the same messages, whatever is published meanwhile. */
  readonly publishedBefore: number;
}

/** What `createRepublishPlan` would freeze. Opens only the databases of the request and writes nothing. Throws PlanRefused `invalid`. */
export async function previewRepublish(
  context: BulkContext,
  request: RepublishRequest,
): Promise<RepublishPreview> {
  const { since, until, databases, ratePerSecond } = request;
  requireRate(ratePerSecond);
  if (since >= (until ?? context.clock.now()))
    throw new PlanRefused("invalid", "the time range must begin before it ends");
  const outboxes = new Map<DatabaseName, Sql>();
  // In this order, whatever the order of the request.
  for (const name of DATABASES.filter((one) => databases.includes(one)))
    outboxes.set(name, await context.database(name));
  const range = await rangeOf(context, outboxes, request);
  const planned = await Promise.all(
    [...outboxes].map(async ([database, sql]) => ({
      database,
      events: await countPublished(sql, range),
      oldest_at: await oldestHeld(sql),
    })),
  );
  return {
    outboxes: planned,
    totals: totalsOf(planned.map(itemOf)),
    publishedBefore: range.publishedBefore,
  };
}

/**
 * `counted`: what previewRepublish found for this request, if it was asked already; counting is the expensive part. Throws PlanRefused:
 * `not-permitted`, `invalid`, `nothing-open`.
 */
export async function createRepublishPlan(
  context: BulkContext,
  actor: Operator,
  request: RepublishRequest,
  counted?: RepublishPreview,
): Promise<RunView> {
  const plan_id = context.newId();
  const what = { action: "plan.create", subject: plan_id, run_id: plan_id } as const;
  await requirePermission(context, actor, what);
  const { outboxes, totals, publishedBefore } = counted ?? (await previewRepublish(context, request));
  if (totals.acts === 0)
    throw new PlanRefused("nothing-open", "there is nothing to do: nothing was published in this time");
  const { since, until, ratePerSecond } = request;
  const selection: RepublishSelection = { since, until, published_before: publishedBefore };
  return savePlan(context, actor, {
    plan_id,
    kind: "outbox.republish",
    selection,
    items: outboxes.map(itemOf),
    totals,
    allows_quarantined: false,
    rate_per_second: ratePerSecond,
    // Nothing is waited for, and nothing fails.
    max_error_rate: 0,
    wait_ms: 1,
  });
}

async function rangeOf(
  { saga }: Pick<BulkContext, "saga">,
  outboxes: ReadonlyMap<DatabaseName, Sql>,
  { since, until, publishedBefore }: RepublishRequest,
): Promise<TimeRange> {
  const given = { since, until, discarded: await discardedMessages(saga) };
  if (publishedBefore !== null) return { ...given, publishedBefore };
  // Take the latest of the database clocks, in whole ms: publishing an event twice does no harm, skipping one would lose it.
  const clocks = await Promise.all([...outboxes.values()].map(clockOf));
  return { ...given, publishedBefore: Math.ceil(Math.max(...clocks)) };
}

function itemOf({ database, events }: PlannedOutbox, position: number): PlanItem {
  return {
    position,
    subject: database,
    saga_id: null,
    message_id: null,
    message_type: "outbox",
    service: database,
    replays: 0,
    amount_cents: null,
    currency: null,
    units: events,
    planned: events === 0 ? "skip" : "send",
    why: events === 0 ? "it published nothing in this time" : null,
  };
}
