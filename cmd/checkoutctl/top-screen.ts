// Pure: the overview as text, for `checkoutctl top`. What does not answer reads "unknown since", never 0.
import type { Overview, Part, SagaFlow, TopicState } from "../../schemas/overview.ts";
import { inBytes, inWords } from "../../internal/operations/doctor-verdicts.ts";
import { stateOfRole } from "../../internal/operations/overview.ts";
import { STANDS_MS } from "../../internal/operations/topic-readers.ts";
import { plural } from "../../internal/kernel/counted.ts";
import { moneyText } from "../../internal/kernel/money.ts";
import { timestampOf } from "../../internal/kernel/timestamp.ts";
import { table } from "./table.ts";

/** `before`: an earlier overview, for rates of topics and the CPU of roles; null for a snapshot. */
export function screenOf(overview: Overview, before: Overview | null): string {
  const { at } = overview;
  return [
    `checkout at ${timestampOf(at)}`,
    block("CHECKOUTS", overview.sagas, (flow) => sagaLines(flow, at)),
    block("MONEY AT RISK", overview.money, (money) => moneyLines(money)),
    outboxTable(overview),
    block("TOPICS", overview.topics, (topics) => [topicTable(topics, overview, before)]),
    block("DEAD LETTERS", overview.dead_letters, (open) => [
      open
        .filter(({ count }) => count > 0)
        .map(({ service, count }) => `${count} of ${service}`)
        .join(", ") || "none open",
    ]),
    block("MAILS", overview.mails, ({ waiting, oldest_at }) => [
      `${plural(waiting, "waits", "wait")} for another try${oldest_at === null ? "" : `, the oldest for ${inWords(at - oldest_at)}`}`,
    ]),
    roleTable(overview, before),
  ].join("\n\n");
}

/** `unknown since 12:04:07 (connect ECONNREFUSED)`, in UTC. */
export function unknownText(part: { readonly unknown_since: number; readonly why: string }): string {
  return `unknown since ${timestampOf(part.unknown_since).slice(11, 19)} (${part.why})`;
}

function block<T>(title: string, part: Part<T>, lines: (value: T) => readonly string[]): string {
  return [
    title,
    ...("value" in part ? lines(part.value) : [unknownText(part)]).map(
      (line) => `  ${line.replaceAll("\n", "\n  ")}`,
    ),
  ].join("\n");
}

function sagaLines(flow: SagaFlow, now: number): readonly string[] {
  const perMinute = (count: number) => `${Math.round((count * 60) / flow.window_seconds)} per minute`;
  const ended = flow.ended.reduce((sum, { count }) => sum + count, 0);
  const open = flow.in_progress.map(
    ({ status, step, count, oldest_at }) =>
      `${count} ${status} at ${step}, the oldest for ${inWords(now - oldest_at)}`,
  );
  const outcomes = flow.ended.map(
    ({ status, failure_code, count }) =>
      `${count} ${status}${failure_code === null ? "" : ` ${failure_code}`}`,
  );
  const needy = flow.needing_operator + flow.cancellations_needing_operator;
  return [
    `started ${perMinute(flow.started)}, ended ${perMinute(ended)}${outcomes.length === 0 ? "" : `: ${outcomes.join(", ")}`}`,
    flow.took_ms === null
      ? `no checkout ended in the last minute${ended === 0 ? "" : " that had not waited for its shopper"}, so no p50 and p99`
      : `took p50 ${inWords(flow.took_ms.p50)}, p99 ${inWords(flow.took_ms.p99)}, without waits for shoppers at their bank`,
    open.length === 0 ? "none in progress" : `in progress: ${open.join("; ")}`,
    ...(needy > 0 ? [`${needy} NEED AN OPERATOR: checkoutctl saga ls --stuck 1s`] : []),
    ...stuckMoneyLines(flow),
  ];
}

function stuckMoneyLines({
  charged_undo_stuck = [],
  refund_of_cancelled_stuck = [],
}: SagaFlow): readonly string[] {
  return [
    ...charged_undo_stuck.map(
      ({ currency, count, amount_cents }) =>
        `${count} CHARGED, THE UNDO IS STUCK: ${moneyText(amount_cents, currency)}: checkoutctl saga ls --stuck 1s`,
    ),
    ...refund_of_cancelled_stuck.map(
      ({ currency, count, amount_cents }) =>
        `${count} CANCELLED ORDERS WITHOUT THEIR REFUND${currency === null ? "" : `: ${moneyText(amount_cents, currency)}`}`,
    ),
  ];
}

function moneyLines({
  payments,
  refunds_pending,
  alerts,
  at_least = false,
}: Extract<Overview["money"], { value: unknown }>["value"]): readonly string[] {
  const lines = [
    ...payments.map(
      ({ status, currency, count, amount_cents }) =>
        `${plural(count, "payment")} ${status}: ${moneyText(amount_cents, currency)}`,
    ),
    ...refunds_pending.map(
      ({ currency, count, amount_cents }) =>
        `${plural(count, "refund")} in progress: ${moneyText(amount_cents, currency)}`,
    ),
    ...alerts.map(({ kind, count }) => `${plural(count, "open alert")} ${kind}: checkoutctl payments alerts`),
    ...(at_least ? ["at least: more are open than are counted"] : []),
  ];
  return lines.length === 0 ? ["none: no payment or refund is open"] : lines;
}

function outboxTable({ outboxes, at }: Overview): string {
  return table(
    ["OUTBOX", "UNPUBLISHED", "OLDEST", "RETRIES"],
    outboxes.map(({ database, depth }) => {
      if (!("value" in depth)) return [database, unknownText(depth), null, null];
      const { unpublished, oldest_at, retries } = depth.value;
      return [database, unpublished, oldest_at === null ? null : inWords(at - oldest_at), retries];
    }),
  );
}

function topicTable(topics: readonly TopicState[], { at }: Overview, before: Overview | null): string {
  const earlier = before !== null && "value" in before.topics ? before.topics.value : [];
  const seconds = before === null ? 0 : (at - before.at) / 1_000;
  return table(
    ["TOPIC", "MESSAGES/S", "LAG BY GROUP"],
    topics.map(({ topic, end, groups }) => {
      const last = earlier.find((one) => one.topic === topic);
      const rate = last === undefined || seconds <= 0 ? null : Math.max(0, end - last.end) / seconds;
      return [
        topic,
        rate === null ? null : rate.toFixed(1),
        groups.map((one) => groupText(one, at)).join(", ") || null,
      ];
    }),
  );
}

function groupText({ group, lag, unmoved_since }: TopicState["groups"][number], now: number): string {
  const stands = unmoved_since === undefined ? 0 : now - unmoved_since;
  return `${group} ${lag}${stands < STANDS_MS ? "" : ` (STUCK for ${inWords(stands)}: checkoutctl topics lag)`}`;
}

function roleTable({ roles, at }: Overview, before: Overview | null): string {
  if (roles.length === 0) return "ROLES\n  not known: OPS_URLS is not set";
  return table(
    ["ROLE", "STATE", "UP FOR", "CPU", "MEMORY", "VERSION"],
    roles.map(({ name, address, state }) => {
      if (!("value" in state)) return [name, unknownText(state), null, null, null, null];
      const { is_ready, reasons, started_at, cpu_seconds, memory_bytes, version } = state.value;
      const last = stateOfRole(before, { name, address });
      const spent =
        last !== undefined && "value" in last && cpu_seconds !== null && last.value.cpu_seconds !== null
          ? (cpu_seconds - last.value.cpu_seconds) / ((state.at - last.at) / 1_000)
          : null;
      return [
        name,
        is_ready
          ? reasons.length === 0
            ? "ready"
            : `ready, but ${reasons.join("; ")}`
          : `NOT READY: ${reasons.join("; ")}`,
        started_at === null ? null : inWords(at - started_at),
        // A restarted process begins at 0.
        spent === null || spent < 0 ? null : `${Math.round(spent * 100)} %`,
        memory_bytes === null ? null : inBytes(memory_bytes),
        version,
      ];
    }),
  );
}
