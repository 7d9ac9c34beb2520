// The table of a drill, and whether it passed. Pure.
import { table } from "../../tools/markdown.ts";
import type { BadAnswer } from "./balancer.ts";
import type { Exchanged } from "./exchange.ts";
import type { Bought } from "./shoppers.ts";

/** What shoppers saw in all. */
export interface Seen {
  readonly bought: readonly Bought[];
  readonly bad: readonly BadAnswer[];
  readonly answers: number;
}

export interface DrillReport {
  readonly text: string;
  readonly passed: boolean;
}

/** `audit`: every violation, one sentence each; undefined: it did not run. */
export function reportOf(
  exchanged: readonly Exchanged[],
  { bought, bad, answers }: Seen,
  audit: readonly string[] | undefined,
): DrillReport {
  const rows = exchanged.map((one) => [
    one.exchange.secret,
    shortened(one.steps),
    `${((one.until - one.from) / 1_000).toFixed(0)} s`,
    one.exchange.both,
    noticed(one, bought, bad),
    one.fault === undefined ? "yes" : "NO",
  ]);
  const lost = bought.filter(({ fault }) => fault !== undefined);
  const failed = exchanged.filter(({ fault }) => fault !== undefined);
  const passed =
    exchanged.length > 0 &&
    failed.length === 0 &&
    lost.length === 0 &&
    bad.length === 0 &&
    audit !== undefined &&
    audit.length === 0;
  const text = [
    table(["secret", "steps", "took", "both count", "shoppers noticed", "done"], rows),
    "",
    `${bought.length} checkouts, ${bought.length - lost.length} orders; ${answers} answers, ${bad.length} of 5xx`,
    ...failed.map(({ exchange, fault }) => `FAILED ${exchange.name}: ${fault}`),
    ...lost.map(({ fault }) => `LOST: ${fault}`),
    ...bad.map(
      ({ at, status, path }) =>
        `5xx: ${status === 0 ? "no answer" : status} ${path}, ${during(at, exchanged)}`,
    ),
    audit === undefined
      ? "the audit did not run"
      : audit.length === 0
        ? "audit clean"
        : audit.map((one) => `VIOLATION: ${one}`).join("\n"),
  ].join("\n");
  return { text, passed };
}

function during(at: number, exchanged: readonly Exchanged[]): string {
  const found = exchanged.find(({ from, until }) => at >= from && at <= until);
  return found === undefined ? "between two exchanges" : `during ${found.exchange.name}`;
}

/** Neighbouring restarts in one. */
function shortened(steps: readonly string[]): string {
  const out: string[] = [];
  let restarts: string[] = [];
  const flush = () => {
    if (restarts.length > 0) out.push(`restart ${restarts.join(", ")}`);
    restarts = [];
  };
  for (const step of steps) {
    const [, role] = /^restart (.*)$/.exec(step) ?? [];
    if (role !== undefined) restarts.push(role);
    else {
      flush();
      out.push(step);
    }
  }
  flush();
  return out.join("; ");
}

/** What those noticed who were at the shop meanwhile. Only a checkout that is lost or an answer of 5xx is a fault. */
export function noticed(
  { from, until }: Pick<Exchanged, "from" | "until">,
  bought: readonly Bought[],
  bad: readonly BadAnswer[],
): string {
  const there = bought.filter(({ placedAt, endedAt = Infinity }) => placedAt <= until && endedAt >= from);
  const wrong = bad.filter(({ at }) => at >= from && at <= until).length;
  const lost = there.filter(({ fault }) => fault !== undefined).length;
  const again = there.filter(({ attempts = 1 }) => attempts > 1).length;
  const times = there.flatMap(({ placedAt, endedAt }) => (endedAt === undefined ? [] : [endedAt - placedAt]));
  return [
    ...(lost > 0 ? [`${lost} checkouts LOST`] : []),
    ...(wrong > 0 ? [`${wrong} answers of 5xx`] : []),
    ...(again > 0 ? [`${again} asked again`] : []),
    ...(lost + wrong + again === 0 ? ["nothing"] : []),
    ...(times.length > 0
      ? [`slowest of ${times.length} orders ${(Math.max(...times) / 1_000).toFixed(1)} s`]
      : []),
  ].join("; ");
}
