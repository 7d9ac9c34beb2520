// Runs the scenes of a drill: makes the cause, waits for the notification of each of its alerts, ends the cause, waits until each has
// stopped. Called by main.ts.
import { waitUntil } from "../wait.ts";
import type { CaughtAlert } from "../servers/alert-catcher.ts";
import type { Arena } from "./arena.ts";
import { Heard } from "./heard.ts";
import type { Scene } from "./scene.ts";
import { WATCHDOG } from "./stages.ts";

const POLL_MS = 250;
const QUIET_TIMEOUT_MS = 150_000;
const FIRE_TIMEOUT_MS = 180_000;
const STOP_TIMEOUT_MS = 240_000;

/** What became of one alert. Times in seconds. */
export interface Outcome {
  readonly alert: string;
  readonly cause: string;
  readonly end: string;
  /** From the cause to the notification; undefined: it did not fire. */
  readonly firedAfter: number | undefined;
  /** From the end of the cause to the notification; undefined: it did not stop. A cause that ends first leaves it to pass. */
  readonly stoppedAfter: number | undefined;
  /** Why it did not fire or stop, or why the scene broke off. */
  readonly fault?: string;
}

export type Listen = () => Promise<Heard>;

export function listenAt(url: string): Listen {
  return async () => {
    const caught: CaughtAlert[] = await (await fetch(url)).json();
    return new Heard(caught);
  };
}

/**
 * Runs the scenes one stage after the other. A stage begins when the causes of the last have ended, and runs while their alerts
 * stop. `report` gets what happens.
 */
export async function runStages(
  arena: Arena,
  stages: readonly (readonly Scene[])[],
  listen: Listen,
  report: (line: string) => void,
): Promise<readonly Outcome[]> {
  const stopping: Promise<readonly Outcome[]>[] = [];
  for (const [index, scenes] of stages.entries()) {
    report(`stage ${index + 1} of ${stages.length}`);
    const lifted = await Promise.all(scenes.map((scene) => raise(arena, scene, listen, report)));
    stopping.push(...lifted.map((scene) => afterwards(scene, listen, report)));
  }
  return (await Promise.all(stopping)).flat();
}

interface Raised {
  readonly scene: Scene;
  readonly firedAfter: ReadonlyMap<string, number>;
  readonly liftedAt: number;
  readonly fault?: string;
}

async function raise(
  arena: Arena,
  scene: Scene,
  listen: Listen,
  report: (line: string) => void,
): Promise<Raised> {
  const firedAfter = new Map<string, number>();
  const quiet = scene.alerts.filter((name) => name !== WATCHDOG);
  let lift: Awaited<ReturnType<Scene["inject"]>> | undefined;
  let fault: string | undefined;
  try {
    await until(`none of ${quiet.join(", ")} fires`, QUIET_TIMEOUT_MS, async () => {
      const heard = await listen();
      return !quiet.some((name) => heard.isFiring(name));
    });
    const begun = Date.now();
    // The Watchdog may have fired before.
    const since = quiet.length === 0 ? 0 : begun;
    report(`cause: ${scene.cause}`);
    lift = await scene.inject(arena);
    await until("all have fired", FIRE_TIMEOUT_MS, async () => {
      const heard = await listen();
      for (const name of scene.alerts) {
        const at = heard.firedAt(name, since);
        if (at === undefined || firedAfter.has(name)) continue;
        firedAfter.set(name, Math.max(0, seconds(at - begun)));
        report(`  ${name} fires after ${firedAfter.get(name)} s`);
      }
      return firedAfter.size === scene.alerts.length;
    });
  } catch (error) {
    fault = error instanceof Error ? error.message : String(error);
  }
  try {
    await lift?.();
  } catch (error) {
    fault = `the cause could not be lifted: ${error instanceof Error ? error.message : String(error)}`;
  }
  report(`end: ${scene.end}${fault === undefined ? "" : ` (${fault})`}`);
  return { scene, firedAfter, liftedAt: Date.now(), ...(fault === undefined ? {} : { fault }) };
}

async function afterwards(
  { scene, firedAfter, liftedAt, fault }: Raised,
  listen: Listen,
  report: (line: string) => void,
): Promise<readonly Outcome[]> {
  const stoppedAfter = new Map<string, number>();
  const fired = scene.alerts.filter((name) => firedAfter.has(name) && name !== WATCHDOG);
  await until("all have stopped", STOP_TIMEOUT_MS, async () => {
    const heard = await listen();
    for (const name of fired) {
      const at = heard.stoppedAt(name);
      if (at === undefined || stoppedAfter.has(name)) continue;
      stoppedAfter.set(name, Math.max(0, seconds(at - liftedAt)));
      report(`  ${name} stops after ${stoppedAfter.get(name)} s`);
    }
    return stoppedAfter.size === fired.length;
  }).catch(() => undefined);
  return scene.alerts.map((alert) => ({
    alert,
    cause: scene.cause,
    end: scene.end,
    firedAfter: firedAfter.get(alert),
    stoppedAfter: stoppedAfter.get(alert),
    ...(fault === undefined ? {} : { fault }),
  }));
}

function until(what: string, timeoutMs: number, probe: () => Promise<boolean>): Promise<void> {
  return waitUntil(what, probe, { timeoutMs, intervalMs: POLL_MS });
}

function seconds(milliseconds: number): number {
  return Math.round(milliseconds / 100) / 10;
}
