// `bun run chaos`: injects every kind of fault of the design into the compiled binaries and their servers under load, and checks that
// nothing was lost, done twice or left half done.
import { describeError } from "../../internal/kernel/errors.ts";
import { parseOptions, wrong } from "../arguments.ts";
import { authorizeFirstBy, parseProviders, type Provider } from "./providers.ts";
import { asText } from "./report.ts";
import { runChaos } from "./run.ts";
import { KIND_NAMES, type KindName, parseReplicas, type Replicas } from "./schedule.ts";

const HELP = `Usage: bun run chaos [options]

  --faults N      number of faults to inject (60)
  --orders N      minimum number of checkouts to place (10000)
  --rate N        checkouts a second (15)
  --seed N        repeats the faults of an earlier run; default: random, printed
  --only KIND     only this kind of fault; repeatable: ${KIND_NAMES.join(", ")}
  --replicas SPEC several processes of a role, for example payment=2,relay=2; a service fault then hits one of them
  --authorize-first PROVIDERS
                  these have the money held before the stock is confirmed (stripe, paypal, or both with a comma; "" is none), all others take
                  it at once; default: stripe for an odd seed, paypal for an even one
  --json FILE     writes the report to FILE
  --data-dir DIR  data directory of the run's own stack (.stack-chaos)
  --keep          leaves the stack running afterwards; a failed run always does

Exits 0 if there is no violation and every saga is finished, otherwise 1; 2 on wrong arguments.`;

const EXIT_INTERRUPTED = 130;

const { values } = parseOptions("chaos", {
  options: {
    faults: { type: "string", default: "60" },
    orders: { type: "string", default: "10000" },
    rate: { type: "string", default: "15" },
    seed: { type: "string" },
    only: { type: "string", multiple: true, default: [] },
    replicas: { type: "string" },
    "authorize-first": { type: "string" },
    json: { type: "string" },
    "data-dir": {
      type: "string",
      default: `${import.meta.dir.replace(/\/bench\/chaos$/, "")}/.stack-chaos`,
    },
    keep: { type: "boolean", default: false },
    help: { type: "boolean", short: "h" },
  },
});
if (values.help === true) {
  console.log(HELP);
  process.exit(0);
}
const seed =
  values.seed === undefined
    ? (crypto.getRandomValues(new Uint32Array(1))[0] ?? 0)
    : number("seed", values.seed);
const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => stop.abort());
try {
  const report = await runChaos({
    signal: stop.signal,
    stopped: () => process.exit(EXIT_INTERRUPTED),
    faults: number("faults", values.faults),
    orders: number("orders", values.orders),
    ratePerSecond: number("rate", values.rate),
    seed,
    directory: values["data-dir"],
    keep: values.keep,
    only: values.only.map(kindOf),
    replicas: replicasOf(values.replicas),
    authorizeFirst: providersFrom(values["authorize-first"]),
    report: (line) => console.log(`${new Date().toISOString().slice(11, 19)} ${line}`),
  });
  console.log(`\n${asText(report)}`);
  if (values.json !== undefined) await Bun.write(values.json, `${JSON.stringify(report, null, 2)}\n`);
  process.exit(report.ok ? 0 : 1);
} catch (error) {
  console.error(`the chaos run failed: ${describeError(error)}`);
  process.exit(1);
}

function number(name: string, text: string): number {
  return /^\d+$/.test(text) ? Number(text) : wrong("chaos", `--${name} must be a whole number, not ${text}`);
}

function replicasOf(text: string | undefined): Replicas {
  if (text === undefined) return {};
  return parseReplicas(text) ?? wrong("chaos", `--replicas must be like payment=2,relay=2, not ${text}`);
}

function providersFrom(text: string | undefined): readonly Provider[] {
  if (text === undefined) return authorizeFirstBy(seed);
  return (
    parseProviders(text) ??
    wrong("chaos", `--authorize-first must be like stripe or stripe,paypal, not ${text}`)
  );
}

function kindOf(text: string): KindName {
  return KIND_NAMES.find((kind) => kind === text) ?? wrong("chaos", `there is no kind of fault ${text}`);
}
