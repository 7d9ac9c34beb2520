// Runs scenarios in sequence on as few stacks as possible, warms each stack up once, stores every run in a file, and audits each stack.
// Called by main.ts, headline.ts and against.ts.
import { FINISH_P99_MS } from "./claims.ts";
import { describeRun } from "./run-summary.ts";
import { HttpClient } from "./http-client.ts";
import { runLoad } from "./load.ts";
import { BrokerWatch } from "./measure/broker-cost.ts";
import { commitOf } from "./measure/machine.ts";
import { ramp } from "./ramp.ts";
import { defaultFile, type RunRecord, writeRuns } from "./record.ts";
import { run } from "./run.ts";
import { SATURATION, type Scenario, SCENARIOS } from "./scenarios.ts";
import type { Post } from "./shopper.ts";
import { openSystem, type System } from "./system.ts";

const SKUS = 100;
/** The driver's connections to each gateway, and so its maximum of concurrent requests. */
const CONNECTIONS = 256;
const REPOSITORY = `${import.meta.dir}/..`;

export interface SessionOptions {
  readonly scenarios: readonly string[];
  readonly stack?: string | undefined;
  /** Arguments for `stack up`, besides those of the scenario. */
  readonly up?: readonly string[];
  /** A checkout of this repository, for another commit. Default: this one. */
  readonly repository?: string | undefined;
  readonly latency?: string | undefined;
  readonly warmUpSeconds: number;
  readonly measuredSeconds?: number | undefined;
  readonly ratePerSecond?: number | undefined;
  readonly orders?: number | undefined;
  readonly command: string;
  readonly say: (line: string) => void;
  /** Called with each started stack and opened system, to dispose of it when the run is interrupted. */
  readonly opened?: (opened: AsyncDisposable) => void;
}

export interface SessionResult {
  readonly runs: readonly RunRecord[];
  /** Every checkout finished, none was refused unless the scenario allows it, and the audit was clean. */
  readonly isClean: boolean;
}

export async function runScenarios(options: SessionOptions): Promise<SessionResult> {
  const runs: RunRecord[] = [];
  let isClean = true;
  for (const group of groupsOf(options.scenarios)) {
    const [first] = group;
    const scenario = SCENARIOS[first ?? ""];
    if (scenario === undefined) continue;
    const done: RunRecord[] = [];
    // All scenarios of a group have the same default latency.
    const latency = options.latency ?? scenario.latency ?? "fixed:0";
    using held = new DisposableStack();
    await using system = await openSystem({
      postTo: (gateway) => postBy(held.use(new HttpClient(gateway, CONNECTIONS))),
      stack: options.stack,
      ...(options.repository === undefined ? {} : { repository: options.repository }),
      up: [...(scenario.up ?? []), ...(options.up ?? [])],
      ...(options.opened === undefined ? {} : { opened: options.opened }),
      skus: SKUS,
      latency,
    });
    using brokers = new BrokerWatch(system.directory, system.processes);
    const warmUpSeconds = scenario.isCold === true ? 0 : options.warmUpSeconds;
    options.say(
      `${warmUpSeconds > 0 ? `warming up for ${warmUpSeconds} s` : "cold, measuring from the first order on"}; provider latency ${latency}`,
    );
    if (warmUpSeconds > 0)
      await runLoad(system, { ...SATURATION, warmUpSeconds: 0, measuredSeconds: warmUpSeconds });
    for (const name of group) {
      const record = await runOne(system, name, {
        ...options,
        latency,
        brokers,
        earlier: [...runs, ...done],
      });
      done.push(record);
      const { refused, unfinished } = record.orders;
      const mayRefuse = SCENARIOS[name]?.mayRefuse === true;
      isClean = isClean && (refused === 0 || mayRefuse) && unfinished === 0;
    }
    const isAuditClean = await system.audit();
    isClean = isClean && isAuditClean;
    for (const record of done) {
      const judged = { ...record, isAuditClean };
      runs.push(judged);
      await writeRuns(defaultFile(judged), [judged]);
    }
  }
  return { runs, isClean };
}

async function runOne(
  system: System,
  name: string,
  options: SessionOptions & {
    readonly latency: string;
    readonly brokers: BrokerWatch;
    readonly earlier: readonly RunRecord[];
  },
): Promise<RunRecord> {
  const scenario = SCENARIOS[name];
  if (scenario === undefined) throw new Error(`there is no scenario ${name}`);
  options.say(`${name}: ${scenario.about}`);
  const load = loadOf(scenario, options);
  const common = {
    scenario: name,
    about: scenario.about,
    brokers: options.brokers,
    command: options.command,
    commit: commitOf(options.repository ?? REPOSITORY),
    options: {
      latency: options.latency,
      warmUp: scenario.isCold === true ? 0 : options.warmUpSeconds,
      ...(scenario.up === undefined ? {} : { up: scenario.up.filter((word) => word !== "--set").join(" ") }),
      ...(system.addresses.certificates === undefined ? {} : { secure: true }),
      ...(system.startUpSeconds === undefined ? {} : { startUpSeconds: system.startUpSeconds }),
    },
    disturbance: scenario.disturbance,
    isIdle: scenario.isIdle,
    memoryOverTime: scenario.memoryOverTime,
  };
  const measured =
    scenario.isRamp === true
      ? await ramp(load, options.ratePerSecond, async (step) => {
          const record = await run(system, { ...common, load: step });
          options.say(
            `  ${step.ratePerSecond}/s: p99 ${record.latencies.finished?.p99.toFixed(0) ?? "?"} of ${FINISH_P99_MS} ms`,
          );
          return record;
        })
      : await run(system, { ...common, load });
  const record = { ...measured, claims: scenario.judge?.(measured, options.earlier) ?? [] };
  for (const line of describeRun(record)) options.say(line);
  return record;
}

function loadOf({ load }: Scenario, options: SessionOptions) {
  const { measuredSeconds = load.measuredSeconds, ratePerSecond = load.ratePerSecond, orders } = options;
  return {
    ...load,
    ratePerSecond: load.maxOpenSagas === undefined ? ratePerSecond : load.ratePerSecond,
    measuredSeconds,
    // With --warm-up 0 the scenario's own warm-up is skipped as well.
    warmUpSeconds: options.warmUpSeconds > 0 ? load.warmUpSeconds : 0,
    ...(load.atOnce === undefined ? {} : { atOnce: orders ?? load.atOnce }),
    ...(load.maxOpenSagas === undefined ? {} : { maxOpenSagas: orders ?? load.maxOpenSagas }),
  };
}

function postBy(client: HttpClient): Post {
  return (path, headers, body) =>
    client.post(
      path,
      Object.entries(headers)
        .map(([name, value]) => `${name}: ${value}\r\n`)
        .join(""),
      body,
    );
}

/** Groups neighbouring scenarios that can share a stack. */
function groupsOf(names: readonly string[]): readonly (readonly string[])[] {
  const groups: string[][] = [];
  let key: string | undefined;
  for (const name of names) {
    const { up, isCold = false, latency } = SCENARIOS[name] ?? {};
    const own = JSON.stringify([up, latency]);
    if (own === key && !isCold) groups.at(-1)?.push(name);
    else groups.push([name]);
    key = isCold ? undefined : own;
  }
  return groups;
}
