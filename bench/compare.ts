// `bun run bench compare A B`: the ratio of every figure of two builds, and the noise between runs of one build: a ratio within the
// noise means nothing. Each side may have several runs. The arithmetic is pure; the command prints it.
import Table from "cli-table3";
import { plural } from "../internal/kernel/counted.ts";
import { parseOptions, wrong } from "./arguments.ts";
import { figuresOf } from "./figures.ts";
import { median } from "./histograms.ts";
import { readRuns, type RunRecord } from "./record.ts";

const HELP = `Usage: bun run bench compare A.json B.json [--all]

  A.json, B.json  run files from --json or .bench/; several files of one side as a1.json,a2.json
  --all           also shows figures within the noise of one side's runs

Prints the ratio B/A, of medians if a side has several runs. Compare only runs of one machine and one hour;
bun run bench SCENARIO --against REV makes such runs.`;

export interface Comparison {
  readonly name: string;
  readonly unit: string;
  readonly a: number;
  readonly b: number;
  /** B/A; not finite if A is 0. */
  readonly ratio: number;
  /** (Maximum - minimum) / median of a side's runs; undefined for a single run. */
  readonly noiseA: number | undefined;
  readonly noiseB: number | undefined;
  /** `unclear`: the runs of both sides overlap. `unknown`: a side has only one run. */
  readonly meaning: "better" | "worse" | "unclear" | "unknown" | "same";
}

/** All runs must be of one scenario. A figure that one side lacks is left out. */
export function compare(a: readonly RunRecord[], b: readonly RunRecord[]): readonly Comparison[] {
  const left = valuesOf(a);
  const right = valuesOf(b);
  return [...left].flatMap(([name, { unit, better, values }]) => {
    const others = right.get(name)?.values;
    if (others === undefined) return [];
    const ratio = median(others) / median(values);
    return [
      {
        name,
        unit,
        a: median(values),
        b: median(others),
        ratio,
        noiseA: noiseOf(values),
        noiseB: noiseOf(others),
        meaning: meaningOf(values, others, better),
      },
    ];
  });
}

export async function compareCommand(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseOptions("bench compare", {
    args: [...args],
    allowPositionals: true,
    options: { all: { type: "boolean", default: false }, help: { type: "boolean", short: "h" } },
  });
  if (values.help === true) {
    console.log(HELP);
    return 0;
  }
  const [a, b] = positionals;
  if (a === undefined || b === undefined || positionals.length > 2)
    return wrong("bench compare", "give two files, or two comma-separated lists of files");
  try {
    const read = (files: string) => files.split(",").flatMap(readRuns);
    for (const line of describeComparison(read(a), read(b), values.all)) console.log(line);
    return 0;
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    return 1;
  }
}

/** Lines to print for each scenario that both sides have. */
export function describeComparison(
  a: readonly RunRecord[],
  b: readonly RunRecord[],
  all: boolean,
): readonly string[] {
  const of = (runs: readonly RunRecord[], name: string) => runs.filter(({ scenario }) => scenario === name);
  const names = [...new Set(a.map(({ scenario }) => scenario))].filter((name) => of(b, name).length > 0);
  if (names.length === 0) throw new Error("the two sides have no scenario in common");
  return names.flatMap((name) => {
    const [left, right] = [of(a, name), of(b, name)];
    const rows = compare(left, right);
    const shown = all ? rows : rows.filter(({ meaning }) => meaning !== "unclear" && meaning !== "same");
    const table = new Table({
      head: ["figure", "unit", "A", "B", "B/A", "noise A", "noise B", ""],
      style: { head: [], border: [], compact: true },
      colAligns: ["left", "left", "right", "right", "right", "right", "right", "left"],
    });
    for (const row of shown)
      table.push([
        row.name,
        row.unit,
        round(row.a),
        round(row.b),
        Number.isFinite(row.ratio) ? row.ratio.toFixed(2) : "-",
        percent(row.noiseA),
        percent(row.noiseB),
        row.meaning,
      ]);
    const hidden = rows.length - shown.length;
    return [
      `${name}: A = ${whoIs(left)}, B = ${whoIs(right)}`,
      ...warningsOf(left, right),
      table.toString(),
      ...(hidden > 0 ? [`${hidden} figures are within the noise of one side's runs (--all shows them)`] : []),
    ];
  });
}

function warningsOf(a: readonly RunRecord[], b: readonly RunRecord[]): readonly string[] {
  const all = [...a, ...b];
  const machines = new Set(
    all.map(({ machine }) => `${machine.cores} x ${machine.model}, ${machine.kernel}`),
  );
  const options = new Set(
    all.map((run) =>
      JSON.stringify(Object.entries(run.options).filter(([name]) => name !== "startUpSeconds")),
    ),
  );
  const loads = all.map(({ machine }) => machine.loadBefore / machine.cores);
  return [
    ...(machines.size > 1 ? [`  different machines: ${[...machines].join(" and ")}`] : []),
    ...(options.size > 1 ? ["  different options"] : []),
    ...(Math.max(...loads) > 1
      ? [`  the machine had other load (up to ${Math.max(...loads).toFixed(1)} per core)`]
      : []),
    ...(a.length === 1 || b.length === 1 ? ["  a side has one run: its noise is unknown"] : []),
  ];
}

function whoIs(runs: readonly RunRecord[]): string {
  const commits = [...new Set(runs.map(({ commit }) => commit))];
  return `${commits.join(", ")} (${plural(runs.length, "run")})`;
}

function valuesOf(runs: readonly RunRecord[]) {
  const byName = new Map<string, { unit: string; better: "more" | "less"; values: number[] }>();
  for (const run of runs)
    for (const { name, unit, better, value } of figuresOf(run)) {
      const of = byName.get(name) ?? { unit, better, values: [] };
      byName.set(name, of);
      of.values.push(value);
    }
  return byName;
}

function noiseOf(values: readonly number[]): number | undefined {
  if (values.length < 2) return undefined;
  const middle = median(values);
  return middle === 0 ? 0 : (Math.max(...values) - Math.min(...values)) / middle;
}

function meaningOf(
  a: readonly number[],
  b: readonly number[],
  better: "more" | "less",
): Comparison["meaning"] {
  if (median(a) === median(b)) return "same";
  if (a.length < 2 || b.length < 2) return "unknown";
  const isApart = Math.max(...a) < Math.min(...b) || Math.max(...b) < Math.min(...a);
  if (!isApart) return "unclear";
  return median(b) > median(a) === (better === "more") ? "better" : "worse";
}

function percent(share: number | undefined): string {
  return share === undefined ? "?" : `${(share * 100).toFixed(0)} %`;
}

function round(value: number): string {
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(3);
}
