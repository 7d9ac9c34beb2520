// What needs a person now, worst first. Pure. The overview shows it above everything else.
import { countText, plural } from "../../kernel/counted.ts";
import { moneyText } from "../../kernel/money.ts";
import { inWhichState, LAG, UNKNOWN_PAYMENT_MS, WAITING_MAIL_MS } from "../../operations/doctor-work.ts";
import type { SagaFlow } from "../../../schemas/overview.ts";
import type { PausedRun, Snapshot } from "../collector.ts";
import { knownOf, type Reading } from "../source.ts";
import { durationText } from "./words.ts";

interface Attention {
  readonly tone: "bad" | "warn";
  readonly text: string;
  readonly href: string;
}

/** An outbox is emptied within milliseconds; the relay takes over after two seconds. */
const OUTBOX_LATE_MS = 10_000;
/** A role that was killed gives its partitions back after the session timeout of 10 s. */
const STUCK_MS = 30_000;

export function attentionTo(snapshot: Snapshot, now: number): readonly Attention[] {
  const found = [
    ...sagasAndMoney(snapshot),
    ...pausedRuns(snapshot),
    ...waiting(snapshot, now),
    ...health(snapshot, now),
  ];
  return found.toSorted((one, other) => Number(one.tone === "warn") - Number(other.tone === "warn"));
}

function sagasAndMoney({ sagas, alerts, deadLetters, firing }: Snapshot): readonly Attention[] {
  const found: Attention[] = [];
  const bad = (text: string, href: string) => found.push({ tone: "bad", text, href });
  for (const { name, summary } of (firing === null ? null : knownOf(firing)) ?? [])
    bad(`${name}: ${summary}`, "#o-alerts");
  const {
    needing_operator = 0,
    cancellations_needing_operator = 0,
    charged_undo_stuck = [],
  } = knownOf(sagas) ?? {};
  for (const one of charged_undo_stuck)
    bad(
      `${plural(one.count, "checkout")}, ${moneyText(one.amount_cents, one.currency)}: charged, and ${one.count === 1 ? "its" : "their"} undo is stuck`,
      stuckUndoHref(one),
    );
  if (needing_operator > 0)
    bad(`${plural(needing_operator, "saga needs", "sagas need")} an operator`, "/sagas?needs_operator=1");
  if (cancellations_needing_operator > 0)
    bad(
      `${plural(cancellations_needing_operator, "cancelled order needs", "cancelled orders need")} an operator`,
      "/cancellations",
    );
  for (const { count, amount_cents, currency } of knownOf(alerts) ?? []) {
    const amount = currency === null ? "" : `, ${moneyText(amount_cents, currency)}`;
    bad(`${plural(count, "payment alert is", "payment alerts are")} open${amount}`, "/payments/alerts");
  }
  const dead = (knownOf(deadLetters) ?? []).reduce((sum, { count }) => sum + count, 0);
  if (dead > 0)
    bad(`${plural(dead, "dead letter waits", "dead letters wait")} for a decision`, "/dead-letters");
  return found;
}

/** Half done, each goes on only when a person resumes it. One that has paused itself met something that nobody expected. */
function pausedRuns(snapshot: Snapshot): readonly Attention[] {
  return (knownOf(snapshot.pausedRuns) ?? []).map((run) => {
    const { plan_id, halted_because } = run;
    const [tone, what] =
      halted_because === null
        ? (["warn", "A run is paused"] as const)
        : (["bad", `A run has paused itself (${halted_because})`] as const);
    return { tone, text: `${what}: ${doneText(run)}`, href: `/runs/${plan_id}` };
  });
}

function doneText({ kind, totals, counts, units_done }: PausedRun): string {
  const of = (done: number, all: number, act: string) => `${countText(done)} of ${countText(all)} ${act}`;
  if (kind === "outbox.republish") return of(units_done, totals.units, "messages sent");
  return kind === "dead-letter.discard"
    ? of(counts.discarded, totals.acts, "discarded")
    : of(counts.sent, totals.acts, "sent");
}

/** Their list. It may have others in it that are undone in time, unless all of these need an operator. */
export function stuckUndoHref({
  currency,
  count,
  needing_operator,
}: NonNullable<SagaFlow["charged_undo_stuck"]>[number]): string {
  const needy = needing_operator === count ? "&needs_operator=1" : "";
  return `/sagas?status=COMPENSATING&currency=${currency}${needy}`;
}

/** What waits for longer than `checkoutctl doctor` finds right. An Alertmanager may know it, too; not everybody has one. */
function waiting({ money, topics, mails }: Snapshot, now: number): readonly Attention[] {
  const found: Attention[] = [];
  const warn = (text: string, href: string) => found.push({ tone: "warn", text, href });
  for (const { status, count, currency, oldest_at } of knownOf(money)?.payments ?? [])
    if (status !== "PENDING" && now - oldest_at > UNKNOWN_PAYMENT_MS)
      warn(
        `${plural(count, "payment")} in ${currency} ${inWhichState(status, count)}, the oldest for ${durationText(now - oldest_at)}`,
        "/payments",
      );
  for (const { topic, groups } of knownOf(topics) ?? [])
    for (const { group, lag, unmoved_since = now } of groups)
      // The page of the topic has the member.
      if (now - unmoved_since > STUCK_MS)
        warn(
          `${group} has not moved in a partition of ${topic} for ${durationText(now - unmoved_since)}`,
          `/topics/${topic}`,
        );
      else if (lag > LAG) warn(`${group} is ${plural(lag, "message")} behind in ${topic}`, "#o-topics");
  const letters = knownOf(mails);
  const oldest = letters?.oldest_at ?? null;
  if (letters !== null && oldest !== null && now - oldest > WAITING_MAIL_MS)
    warn(
      `${plural(letters.waiting, "mail waits", "mails wait")} for another try, the oldest for ${durationText(now - oldest)}`,
      "#o-outboxes",
    );
  return found;
}

function health(snapshot: Snapshot, now: number): readonly Attention[] {
  const found: Attention[] = [];
  for (const { name, reading } of snapshot.roles)
    if (knownOf(reading)?.is_ready === false)
      found.push({ tone: "bad", text: `${name} is not ready`, href: "#o-roles" });
  for (const { database, reading } of snapshot.outboxes) {
    const oldest = knownOf(reading)?.oldest_at ?? null;
    if (oldest !== null && now - oldest > OUTBOX_LATE_MS)
      found.push({
        tone: "warn",
        text: `events of the ${database} outbox wait for longer than ${durationText(OUTBOX_LATE_MS)}`,
        href: "#o-outboxes",
      });
  }
  return [...found, ...silent(snapshot)];
}

/** What did not answer, or was not asked yet: something may need a person there. */
function silent(snapshot: Snapshot): readonly Attention[] {
  const { sagas, flow, hour, money, alerts, mails, topics, deadLetters, firing, outboxes, roles } = snapshot;
  const sources: readonly (readonly [string, Reading<unknown>, string])[] = [
    ...outboxes.map(({ database, reading }) => [`the ${database} database`, reading, "#o-outboxes"] as const),
    ...roles.map(({ name, reading }) => [name, reading, "#o-roles"] as const),
    ["Kafka", topics, "#o-topics"],
    ...(firing === null ? [] : [["Alertmanager", firing, "#o-alerts"] as const]),
    ["the count of sagas", sagas, "#o-sagas"],
    ["the flow of sagas", flow, "#o-sagas"],
    ["the last hour of sagas", hour, "#o-hour"],
    ["the sum of money at risk", money, "#o-money"],
    ["the list of payment alerts", alerts, "#o-money"],
    ["the count of waiting mails", mails, "#o-outboxes"],
    ["the count of dead letters", deadLetters, "#o-topics"],
    ["the list of paused runs", snapshot.pausedRuns, "/runs?state=paused"],
  ];
  return sources.flatMap(([name, reading, href]): Attention[] => {
    if (reading.unknownSince !== null) return [{ tone: "bad", text: `${name} does not answer`, href }];
    return reading.at === null ? [{ tone: "warn", text: `${name} has not answered yet`, href }] : [];
  });
}
