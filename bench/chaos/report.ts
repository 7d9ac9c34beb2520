// The report of a chaos run: faults by kind, recovery times, effects on shoppers, and violations. Pure.
import { moneyText } from "../../internal/kernel/money.ts";
import { timestampOf } from "../../internal/kernel/timestamp.ts";
import type { Provider } from "./providers.ts";
import { type Ends, endsText, type ProviderReport } from "./ends.ts";
import type { CurrencyReport } from "./money.ts";
import { KIND_NAMES, KINDS, type KindName, type PlannedFault } from "./schedule.ts";
import { recoveryMs } from "./recovery.ts";
import type { Checkout } from "./shopping.ts";

/** An injected fault. Times in epoch ms. */
export interface Injection {
  readonly fault: PlannedFault;
  readonly injectedAt: number;
  readonly healedAt: number;
  /** When the next fault was injected; later effects do not belong to this fault. */
  readonly leftAt: number;
  /** Another fault was active at the same time, so its recovery counts as that of a pair. */
  readonly isPair: boolean;
}

export interface KindReport {
  readonly injected: number;
  /** Recovery times in seconds over the faults of this kind. */
  readonly recovery_s: { readonly p50: number; readonly p95: number; readonly worst: number } | null;
  /** Faults without any recovery in this run. */
  readonly unrecovered: number;
  /** Checkouts with an intended start between injection and recovery that were sent more than once or never accepted. */
  readonly retried_by_shoppers: number;
  /** Checkouts in the same period that ended differently than without the fault. */
  readonly not_served: number;
}

/** One fault, for finding it in the logs. */
export interface FaultReport {
  readonly kind: KindName;
  readonly target: string;
  readonly injected_at: string;
  readonly held_s: number;
  /** Counted as for its kind; null if there was no recovery. */
  readonly recovery_s: number | null;
  readonly is_pair: boolean;
}

export interface ChaosReport {
  readonly seed: number;
  readonly seconds: number;
  readonly faults: number;
  readonly sagas: number;
  readonly by_end: Ends;
  readonly by_currency: Readonly<Record<string, CurrencyReport>>;
  /** The providers that have the money held first (table 2 of the saga); all others take it at once (table 1). */
  readonly authorize_first: readonly Provider[];
  readonly by_provider: Readonly<Record<Provider, ProviderReport>>;
  /** Of the checkouts whose bank or PayPal asks the shopper: the bank was away when the shopper confirmed after the end, so nothing was learnt. */
  readonly banks_not_checked: number;
  /** The slowest sagas, for inspection. */
  readonly slowest: readonly { readonly saga_id: string; readonly seconds: number; readonly end: string }[];
  readonly not_accepted: number;
  readonly not_terminal: number;
  readonly kinds: Readonly<Record<string, KindReport>>;
  readonly injections: readonly FaultReport[];
  /** Processes that ended without a fault and were restarted: how each ended, and its last log line. */
  readonly ended_by_themselves: Readonly<Record<string, readonly string[]>>;
  readonly left_out: Readonly<Record<string, string>>;
  readonly violations: readonly string[];
  readonly audit_clean: boolean;
  readonly ok: boolean;
}

/** At the end of the run, open checkouts count as not served. */
const RUN_IS_OVER = Number.POSITIVE_INFINITY;

export const PAIRS = "pairs of faults";

export function kindReports(
  injections: readonly Injection[],
  checkouts: readonly Checkout[],
): Record<string, KindReport> {
  const judged = checkouts.filter(({ isSlow }) => !isSlow);
  const reports: Record<string, KindReport> = {};
  const alone = injections.filter(({ isPair }) => !isPair);
  const paired = injections.filter(({ isPair }) => isPair);
  for (const kind of KIND_NAMES) {
    const ofKind = alone.filter(({ fault }) => fault.kind === kind);
    if (ofKind.length > 0) reports[kind] = reportOf(ofKind, judged);
  }
  if (paired.length > 0) reports[PAIRS] = reportOf(paired, judged);
  return reports;
}

export function faultReports(
  injections: readonly Injection[],
  checkouts: readonly Checkout[],
): FaultReport[] {
  const judged = checkouts.filter(({ isSlow }) => !isSlow);
  return injections.map((injection) => {
    const { fault, injectedAt, healedAt, isPair } = injection;
    const recovery = recoveryOf(injection, judged);
    return {
      kind: fault.kind,
      target: fault.target,
      injected_at: timestampOf(injectedAt),
      held_s: round((healedAt - injectedAt) / 1_000),
      recovery_s: recovery === null ? null : round(recovery.ms / 1_000),
      is_pair: isPair,
    };
  });
}

function recoveryOf(injection: Injection, judged: readonly Checkout[]) {
  const from = countsFrom(injection) === "injection" ? injection.injectedAt : injection.healedAt;
  const ms = recoveryMs(judged, from, RUN_IS_OVER);
  return ms === null ? null : { from, ms };
}

function reportOf(injections: readonly Injection[], checkouts: readonly Checkout[]): KindReport {
  const recoveries = injections.map((injection) => recoveryOf(injection, checkouts));
  const known = recoveries
    .flatMap((recovery) => (recovery === null ? [] : [recovery.ms]))
    .toSorted((a, b) => a - b);
  const at = (share: number) => round((known[Math.ceil(share * known.length) - 1] ?? 0) / 1_000);
  const hit = injections.flatMap((injection, index) => {
    const recovery = recoveries[index];
    const until = recovery == null ? injection.leftAt : recovery.from + recovery.ms;
    return checkouts.filter(({ intendedAt }) => intendedAt >= injection.injectedAt && intendedAt <= until);
  });
  return {
    injected: injections.length,
    recovery_s: known.length === 0 ? null : { p50: at(0.5), p95: at(0.95), worst: at(1) },
    unrecovered: recoveries.filter((recovery) => recovery === null).length,
    retried_by_shoppers: hit.filter(({ attempts }) => attempts !== 1).length,
    not_served: hit.filter(({ isServed }) => isServed !== true).length,
  };
}

function countsFrom({ fault, isPair }: Injection): "injection" | "heal" {
  const kind: KindName = fault.kind;
  return isPair ? "heal" : KINDS[kind].countsFrom;
}

function round(seconds: number): number {
  return Math.round(seconds * 100) / 100;
}

const SLOWEST = 5;

export function slowestOf(checkouts: readonly Checkout[]): ChaosReport["slowest"] {
  return checkouts
    .flatMap(({ sagaId, acceptedAt, restAt, end }) =>
      sagaId === undefined || acceptedAt === undefined || restAt === undefined
        ? []
        : [{ saga_id: sagaId, seconds: round((restAt - acceptedAt) / 1_000), end: end ?? "" }],
    )
    .toSorted((a, b) => b.seconds - a.seconds)
    .slice(0, SLOWEST);
}

export function asText(report: ChaosReport): string {
  const lines = [
    `seed ${report.seed}: ${report.faults} faults, ${report.sagas} sagas in ${report.seconds.toFixed(0)} s`,
    "",
    `  ${"KIND".padEnd(20)} ${"FAULTS".padStart(6)} ${"P50".padStart(7)} ${"P95".padStart(7)} ${"WORST".padStart(7)}  s to recover; checkouts sent again, not served`,
  ];
  for (const [kind, one] of Object.entries(report.kinds)) {
    const { injected, recovery_s, unrecovered, retried_by_shoppers, not_served } = one;
    const cell = (value: number | undefined) => (value === undefined ? "-" : value.toFixed(2)).padStart(7);
    const { p50, p95, worst } = recovery_s ?? {};
    const notes = [
      `${retried_by_shoppers}, ${not_served}`,
      ...(unrecovered > 0 ? [`${unrecovered} NOT RECOVERED`] : []),
    ];
    lines.push(
      `  ${kind.padEnd(20)} ${String(injected).padStart(6)} ${cell(p50)} ${cell(p95)} ${cell(worst)}  ${notes.join(", ")}`,
    );
  }
  lines.push("", `  ends: ${endsText(report.by_end)}`, ...moneyLines(report), ...providerLines(report));
  const slowest = report.slowest.map(({ saga_id, seconds, end }) => `${saga_id} ${seconds} s ${end}`);
  lines.push(`  slowest: ${slowest.join(", ")}`);
  lines.push(`  not accepted: ${report.not_accepted}; unfinished: ${report.not_terminal}`);
  for (const [name, each] of Object.entries(report.ended_by_themselves))
    for (const end of each) lines.push(`  ended by itself, restarted: ${name} (${end})`);
  for (const [kind, reason] of Object.entries(report.left_out)) lines.push(`  left out: ${kind} (${reason})`);
  for (const violation of report.violations.slice(0, 50)) lines.push(`  VIOLATION: ${violation}`);
  lines.push(
    "",
    report.ok
      ? `0 violations, all sagas finished (seed ${report.seed})`
      : `FAILED: ${report.violations.length} violations seen by shoppers, ${report.not_terminal} sagas unfinished, audit ${report.audit_clean ? "clean" : "NOT clean"} (seed ${report.seed})`,
  );
  return lines.join("\n");
}

function moneyLines({ by_currency }: ChaosReport): string[] {
  return Object.entries(by_currency).flatMap(
    ([currency, { ends, due_cents, taken_cents, returned_cents }]) => {
      const text = (cents: number) => moneyText(cents, currency);
      const moved = `the provider took ${text(taken_cents)} and returned ${text(returned_cents)}`;
      return [`  ${currency}: orders of ${text(due_cents)}; ${moved}`, `    ${endsText(ends)}`];
    },
  );
}

function providerLines({ by_provider, authorize_first, banks_not_checked }: ChaosReport): string[] {
  const first: ReadonlySet<string> = new Set(authorize_first);
  const lines = Object.entries(by_provider).flatMap(([provider, { ends, by_answer }]) => {
    const how = first.has(provider) ? "has the money held first" : "takes the money at once";
    const answers = answerLines(by_answer);
    return [
      `  ${provider} ${how}: ${endsText(ends)}`,
      ...(answers.length === 0 ? [] : ["    the shopper was asked to confirm the payment, and", ...answers]),
    ];
  });
  if (banks_not_checked > 0)
    lines.push(`  NOT CHECKED: ${banks_not_checked} confirmations after the end, because the bank was away`);
  return lines;
}

function answerLines(by_answer: ProviderReport["by_answer"]): string[] {
  return Object.entries(by_answer).map(([answer, currencies]) => {
    const ends = Object.entries(currencies).map(([currency, each]) => `${currency} ${endsText(each)}`);
    return `      ${answer.padEnd(16)} ${ends.join("; ")}`;
  });
}
