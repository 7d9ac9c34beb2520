// A plan or run of a bulk act: its decisions, its progress and what may be done with it. All who look see the same.
import type { VNode } from "preact";
import { countText, plural } from "../../kernel/counted.ts";
import { moneyText } from "../../kernel/money.ts";
import { ITEM_OUTCOMES, MIN_REASON_LENGTH, refusalToSteer } from "../../operations/plan.ts";
import type { ItemPage, ItemRow, PlannedGroup } from "../../operations/plan-store.ts";
import type { RunView } from "../../operations/plans.ts";
import { Act, ActAtOnce } from "../parts/act.tsx";
import { CommandLine, Copy, Facts } from "../parts/bits.tsx";
import { Page } from "../parts/layout.tsx";
import { hasPausedAsAsked, mayFailText, pauseAfterText, pausedText } from "../../operations/run-progress.ts";
import { holderOf, type LiveParts } from "../parts/live-parts.tsx";
import { itemColumnsOf, type WaitingMails } from "../parts/run-items.tsx";
import { perSecond, selectionText, stateText } from "../parts/run-words.ts";
import { DataTable, Exports } from "../parts/table.tsx";
import { When } from "../parts/when.tsx";
import { durationText } from "../parts/words.ts";
import type { Frame } from "../visit.ts";
import { RunKind, RunStatus } from "../parts/run-kind.tsx";

/** Which decisions are shown. */
export interface ItemPart extends Pick<ItemPage, "outcome" | "after"> {
  /** The position after which the next page begins; null on the last one. */
  readonly next: number | null;
}

export interface ShownRun {
  readonly run: RunView;
  readonly items: readonly ItemRow[];
  readonly part: ItemPart;
  /** The one message of a plan for a quarantined message. */
  readonly only: ItemRow | undefined;
  /** Of a plan: what it acts on. Empty for a run. */
  readonly groups: readonly PlannedGroup[];
  /** Of the items. */
  readonly waiting: WaitingMails;
}

interface PartProps extends ShownRun {
  readonly now: number;
  readonly frame: Pick<Frame, "objection">;
}

export const SHOWN_OUTCOMES = [...ITEM_OUTCOMES, "not reached"] as const;

export const RUN_PARTS: LiveParts<PartProps> = {
  "r-what": What,
  "r-actions": Actions,
  "r-state": State,
  "r-items": Items,
};

interface RunPageProps extends PartProps {
  readonly frame: Frame;
}

export function RunPage(shown: RunPageProps) {
  const { frame, run, part } = shown;
  const holder = holderOf(RUN_PARTS, shown);
  return (
    <Page
      frame={frame}
      title={`${planOrRun(run)} ${run.plan_id}`}
      current="runs"
      live={hrefOf(run, "/events", part)}
    >
      <div class="page-head">
        <div>
          {holder("r-what")}
          <h1 class="mono id">
            {run.plan_id} <Copy text={run.plan_id} what="its id" />
          </h1>
        </div>
        {holder("r-actions")}
      </div>
      {holder("r-state")}
      <section class="card" aria-labelledby="items">
        <div class="card-head">
          <h2 id="items">Decisions</h2>
          <nav class="tabs" aria-label="Outcome">
            {[null, ...SHOWN_OUTCOMES].map((one) => (
              <a
                key={one}
                href={hrefOf(run, "", { outcome: one, after: -1 })}
                {...(one === part.outcome ? { "aria-current": "true" } : {})}
              >
                {one ?? "all"}
              </a>
            ))}
          </nav>
          <Exports here={hrefOf(run, "", { outcome: part.outcome, after: -1 })} />
        </div>
        {holder("r-items")}
      </section>
      <p class="small soft">
        On the command line: <CommandLine>{`checkoutctl run show ${run.plan_id} --items`}</CommandLine>
        {run.state === "running" ? (
          <>
            {" "}
            or <CommandLine>{`checkoutctl run pause ${run.plan_id}`}</CommandLine>
          </>
        ) : null}
      </p>
    </Page>
  );
}

function planOrRun({ started_at }: RunView): string {
  return started_at === null ? "Plan" : "Run";
}

function What({ run }: PartProps) {
  return (
    <p class="soft small">
      {planOrRun(run)}: <RunKind kind={run.kind} />
    </p>
  );
}

/** The run's page or stream with these decisions. */
function hrefOf(
  { plan_id }: RunView,
  path: "" | "/events",
  { outcome, after }: Pick<ItemPart, "outcome" | "after">,
): string {
  const query = new URLSearchParams(outcome === null ? {} : { outcome });
  if (after >= 0) query.set("after", String(after));
  return `/runs/${plan_id}${path}${query.size === 0 ? "" : `?${query}`}`;
}

function State({ run, groups, now }: PartProps) {
  const { state, totals, halted_because } = run;
  const money = totals.money.map(
    ({ amount_cents, currency, sagas }) =>
      `${moneyText(amount_cents, currency)} of ${plural(sagas, "checkout")}`,
  );
  const facts: readonly (readonly [string, VNode | string | null])[] = [
    ["Planned", `${totals.acts} to act on, ${totals.skipped} to skip, ${totals.refused} to refuse`],
    ["Acts on", groupsText(run, groups)],
    ["Money touched", money.length === 0 ? "no money" : money.join(", ")],
    ["Rate", rateText(run)],
    ["Pauses after", pauseAfterText(run)],
    [run.started_at === null ? "Takes about" : "Time left", timeLeftText(run)],
    ["Planned by", run.created_by],
    ["Started by", run.started_by === null ? null : `${run.started_by}: ${run.reason ?? ""}`],
    ["Started", run.started_at === null ? null : <When at={run.started_at} show="both" />],
    ["Ended", run.ended_at === null ? null : <When at={run.ended_at} show="both" />],
    ["Executed by", executorText(run)],
    ["Stopped by", state === "stopped" ? <StopInTrail run={run} /> : null],
    ["Selection", selectionText(run)],
  ];
  const { reached, all } = reachedOf(run);
  return (
    <section class="card" aria-label="State">
      <p class="lead">
        <RunStatus state={state} />
        {halted_because === null ? null : `: ${halted_because}`}
        {hasPausedAsAsked(run) ? ` ${pausedText(run.pause_after ?? 0)}` : null}
        {state === "draft" ? (
          <>
            , {plannedText(run)}; expires <When at={run.expires_at} show="ago" now={now} />
          </>
        ) : null}
      </p>
      {run.started_at === null ? null : (
        <p>
          <progress max={Math.max(1, all)} value={reached} aria-label="Progress" /> {stateText(run)}
        </p>
      )}
      <Facts facts={facts} look="facts" />
    </section>
  );
}

const NAMED_GROUPS = 5;

/** By message and service; null for outboxes, whose decisions say it. */
function groupsText({ kind }: RunView, groups: readonly PlannedGroup[]): string | null {
  if (kind === "outbox.republish" || groups.length === 0) return null;
  const rest = groups.slice(NAMED_GROUPS).reduce((sum, { count }) => sum + count, 0);
  return [
    ...groups
      .slice(0, NAMED_GROUPS)
      .map(({ service, message_type, count }) => `${countText(count)} × ${message_type} of ${service}`),
    ...(rest === 0 ? [] : [`${countText(rest)} others`]),
  ].join(", ");
}

function reachedOf({ kind, counts, totals, units_done }: RunView) {
  if (kind === "outbox.republish") return { reached: units_done, all: totals.units };
  const { sent, discarded, failed, refused, skipped } = counts;
  const reached = sent + discarded + failed + refused + skipped;
  return { reached, all: totals.acts + totals.skipped + totals.refused };
}

/** What its start would begin. */
function plannedText({ totals, rate_per_second, estimate_ms }: RunView): string {
  return `${plural(totals.units, "message")} at ${perSecond(rate_per_second)}, which takes about ${durationText(estimate_ms)}`;
}

function rateText(run: RunView): string {
  return [perSecond(run.rate_per_second), mayFailText(run)].filter((text) => text !== null).join(", ");
}

/** At the present rate; null if nothing will be done any more. */
function timeLeftText({ state, ended_at, started_at, estimate_ms }: RunView): string | null {
  if (ended_at !== null || state === "expired") return null;
  const time = durationText(estimate_ms);
  if (started_at === null) return time;
  return state === "paused" ? `about ${time} once it is resumed` : `about ${time}`;
}

function executorText({ state, started_at, ended_at, executor }: RunView): string | null {
  if (started_at === null || ended_at !== null) return null;
  return executor ?? (state === "running" ? "waits for an executor" : "nobody now");
}

/** Who stopped it, and why: the run itself does not know. */
function StopInTrail({ run: { plan_id } }: Pick<PartProps, "run">) {
  return (
    <a href={`/audit?${new URLSearchParams({ action: "run.stop", subject: plan_id })}`}>
      who and why, in the audit trail
    </a>
  );
}

function Items({ run, items, part, waiting }: PartProps) {
  const { outcome, after, next } = part;
  const all = run.totals.acts + run.totals.skipped + run.totals.refused;
  if (items.length === 0)
    return <p class="soft">{outcome === null ? "None." : `No decision has the outcome ${outcome}.`}</p>;
  return (
    <>
      <DataTable
        label="Decisions"
        columns={itemColumnsOf(run.kind, waiting)}
        rows={items}
        keyOf={({ position }) => String(position)}
      />
      {after < 0 && next === null ? null : (
        <div class="table-foot small soft">
          <p>
            {plural(items.length, "decision")} on this page
            {outcome === null ? "" : `, ${countText(countOf(run, outcome))} ${outcome}`}, {countText(all)} in
            the plan
          </p>
          <p>
            {after < 0 ? null : <a href={hrefOf(run, "", { outcome, after: -1 })}>First</a>}{" "}
            {next === null ? null : <a href={hrefOf(run, "", { outcome, after: next })}>Next</a>}
          </p>
        </div>
      )}
    </>
  );
}

/** Decisions with this outcome, on all pages. */
function countOf({ counts }: RunView, outcome: (typeof SHOWN_OUTCOMES)[number]): number {
  if (outcome === "in flight") return counts.in_flight;
  return outcome === "not reached" ? counts.not_reached : counts[outcome];
}

function Actions({ frame, run, only, groups }: PartProps) {
  const path = `/runs/${run.plan_id}`;
  if (run.state === "draft" || run.state === "expired")
    return <Start frame={frame} run={run} only={only} groups={groups} />;
  // Nothing can be done with a run that has ended.
  if (refusalToSteer("stop", run.state) !== null) return <div class="buttons" />;
  const isPaused = run.state === "paused";
  const steer = (act: "resume" | "stop", text: string) => (
    <Act
      key={act}
      frame={frame}
      id={act}
      action={`${path}/${act}`}
      label={act === "resume" ? "Resume" : "Stop"}
      confirm={act === "stop" ? "Stop for good" : "Resume"}
      isDangerous={act === "stop"}
      command={`checkoutctl run ${act} ${run.plan_id} --reason '...'`}
    >
      <p>{text}</p>
      {act === "resume" ? <PauseAfter /> : null}
    </Act>
  );
  return (
    <div class="buttons">
      {isPaused ? (
        steer("resume", "Continues where the run was, with one item first.")
      ) : (
        <ActAtOnce frame={frame} id="pause" action={`${path}/pause`} label="Pause" />
      )}
      {steer(
        "stop",
        `For good: what is not reached stays as it is.${isPaused ? "" : " The run goes on while you type here; Pause holds it at once, and needs no reason."}`,
      )}
      <Rate frame={frame} run={run} />
    </div>
  );
}

/** Of a plan, too: it is better chosen before the start. */
function Rate({ frame, run }: Pick<PartProps, "frame" | "run">) {
  return (
    <Act
      frame={frame}
      id="rate"
      action={`/runs/${run.plan_id}/rate`}
      label="Change the rate"
      confirm="Change"
      command={`checkoutctl run rate ${run.plan_id} N/s --reason '...'`}
    >
      <div class="field">
        <label for="rate-value">Messages a second</label>
        <input id="rate-value" name="rate" inputmode="decimal" required value={String(run.rate_per_second)} />
      </div>
    </Act>
  );
}

/** Of a start and a resume. */
function PauseAfter() {
  return (
    <div class="field">
      <label for="pause-after">Pause after this many messages</label>
      <input
        id="pause-after"
        name="pause_after"
        inputmode="numeric"
        pattern="[1-9][0-9]{0,8}"
        autocomplete="off"
        aria-describedby="pause-after-hint"
      />
      <p id="pause-after-hint" class="small soft">
        Empty: it goes on to its end. On the command line: <code>--pause-after N</code>
      </p>
    </div>
  );
}

function Start({ frame, run, only, groups }: Pick<PartProps, "frame" | "run" | "only" | "groups">) {
  const { totals, allows_quarantined, needs_typed_count, plan_id } = run;
  const nothing = totals.acts === 0 ? "there is nothing to do: every item is skipped or refused" : null;
  const confirm = allows_quarantined
    ? (only?.subject ?? "")
    : needs_typed_count
      ? String(totals.units)
      : null;
  return (
    <div class="buttons">
      <Act
        frame={frame}
        id="start"
        action={`/runs/${plan_id}/start`}
        label="Start"
        confirm={run.kind === "dead-letter.discard" ? "Discard for good" : "Start the run"}
        isDangerous
        impossible={run.state === "expired" ? "the plan has expired: make a new one" : nothing}
        minReason={MIN_REASON_LENGTH}
        command={`checkoutctl run start ${plan_id} --reason '...'${confirm === null ? "" : ` --confirm ${confirm}`}`}
      >
        <p>
          {plannedText(run)}. The first goes alone; then batches grow up to the rate.{" "}
          {run.kind === "outbox.republish"
            ? "A relay sends them. Consumers take each message once, so those that they have handled do nothing."
            : "Each is checked again right before: a saga that has moved on is refused, not forced."}
        </p>
        {groupsText(run, groups) === null ? null : <p>It acts on {groupsText(run, groups)}.</p>}
        {confirm === null ? null : (
          <div class="field">
            <label for="confirm">
              {allows_quarantined
                ? "The message is quarantined: type its id"
                : `Type the number of messages, ${totals.units}`}
            </label>
            <input id="confirm" name="confirm" required autocomplete="off" spellcheck={false} />
          </div>
        )}
        <PauseAfter />
      </Act>
      {run.state === "expired" || nothing !== null ? null : <Rate frame={frame} run={run} />}
    </div>
  );
}
