// Plans to publish messages of the outboxes again, after Kafka lost data. The items are the outboxes; what is frozen is the stretch of
// time and the time of the plan: what was published since then is left out, so every message goes out once more. run-republish.ts
// executes it. Called by `checkoutctl outbox plan`.
import type { Sql } from "postgres";
import type { DatabaseName } from "../../schemas/migrations.ts";
import type { BulkContext } from "./bulk-context.ts";
import { type Operator, type PlanItem, PlanRefused, totalsOf } from "./plan.ts";
import { requirePermission } from "./plan-audit.ts";
import { requireRate, type RunView, savePlan } from "./plans.ts";
import { planRepublish, stretchOf, type Times } from "./republish.ts";

export interface RepublishPlanRequest extends Times {
  readonly databases: readonly DatabaseName[];
  readonly ratePerSecond: number;
}

/** As the plan keeps it. */
export interface RepublishSelection extends Readonly<Record<string, unknown>> {
  readonly since: number;
  readonly until: number | null;
  readonly published_before: number;
}

/** Opens only the databases of the request. Throws PlanRefused: `not-permitted`, `invalid`, `nothing-open`. */
export async function createRepublishPlan(
  context: BulkContext,
  actor: Operator,
  { since, until, publishedBefore, databases, ratePerSecond }: RepublishPlanRequest,
): Promise<RunView> {
  const plan_id = context.newId();
  const what = { action: "plan.create", subject: plan_id, run_id: plan_id } as const;
  await requirePermission(context, actor, what);
  requireRate(ratePerSecond);
  if (since >= (until ?? context.clock.now()))
    throw new PlanRefused("invalid", "the stretch must begin before it ends");
  const outboxes = new Map<DatabaseName, Sql>();
  for (const name of databases) outboxes.set(name, await context.database(name));
  const stretch = await stretchOf(outboxes, context.saga, { since, until, publishedBefore });
  const items = (await planRepublish({ outboxes, stretch })).map(
    ({ database, events }, position): PlanItem => ({
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
    }),
  );
  const totals = totalsOf(items);
  if (totals.acts === 0)
    throw new PlanRefused("nothing-open", "there is nothing to do: nothing was published in this time");
  const selection: RepublishSelection = { since, until, published_before: stretch.publishedBefore };
  return savePlan(context, actor, {
    plan_id,
    kind: "outbox.republish",
    selection,
    items,
    totals,
    allows_quarantined: false,
    rate_per_second: ratePerSecond,
    // Nothing is waited for, and nothing fails.
    max_error_rate: 0,
    wait_ms: 1,
  });
}
