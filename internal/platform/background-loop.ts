// The loop behind all background work: the relay, the sweeper, the deadline timer, the retry claimer. The owner provides `runOnce`,
// which does one bounded batch and says whether there is more. The loop handles ticks, wake-ups, backoff and stopping.
import { assert, describeError } from "../kernel/errors.ts";
import { cappedBackoff, withJitter } from "../kernel/backoff.ts";
import type { RunResult } from "../kernel/ports.ts";
import type { RoleContext } from "./lifecycle.ts";
import type { Log } from "../kernel/telemetry.ts";

const DEFAULT_BACKOFF_FIRST_MS = 100;
/** An outage lasts up to this much longer for us. A try against a server that is down is cheap. */
const DEFAULT_BACKOFF_CAP_MS = 1_500;
const REST_CAP_MS = 5_000;

export interface BackgroundLoopOptions {
  /** For the log. */
  readonly name: string;
  /** Does one bounded batch. Called again only after it has settled. */
  readonly runOnce: () => Promise<RunResult | void>;
  /** Pause after a batch that was not full, in milliseconds; `wake` ends it early. */
  readonly intervalMs: number;
  /**
   * While runs find nothing to do, the pause doubles each time, from `intervalMs` up to this. A run that finds work, or `wake`, resets
   * it to `intervalMs`. So work is never later than the time it has already waited, and an idle system costs almost nothing.
   */
  readonly idleIntervalMs?: number;
  /**
   * For sweeps: the pause is at least this many times the length of the run, up to 5 s. While a dump keeps the database from
   * cleaning up, a search for due rows also reads all rows that were due since the dump began.
   */
  readonly restPerRun?: number;
  /** Read after a batch that was not full. For this long, in milliseconds, not even `wake` starts the next run. For loops that linger. */
  readonly lingerMs?: () => number;
  readonly log: Pick<Log, "info" | "error">;
  /** Pauses after failures grow from the first to the cap, +-20 %. Nothing ends them early except `stop`. */
  readonly backoffFirstMs?: number;
  readonly backoffCapMs?: number;
}

/** Pure. The pause in milliseconds after a run of `tookMs` with no more work, the last of `idleRuns` runs in a row that found nothing. */
export function pauseAfter(
  tookMs: number,
  idleRuns: number,
  {
    intervalMs,
    idleIntervalMs = intervalMs,
    restPerRun = 0,
  }: Pick<BackgroundLoopOptions, "intervalMs" | "idleIntervalMs" | "restPerRun">,
): number {
  const idleMs = Math.min(idleIntervalMs, intervalMs * 2 ** Math.max(0, idleRuns - 1));
  return Math.max(idleMs, restAfter(tookMs, { restPerRun }));
}

function restAfter(tookMs: number, { restPerRun = 0 }: Pick<BackgroundLoopOptions, "restPerRun">): number {
  return Math.min(REST_CAP_MS, tookMs * restPerRun);
}

/** Starts a loop that runs until the role stops. */
export function runLoop(
  { resources, log }: Pick<RoleContext<unknown>, "resources" | "log">,
  options: Omit<BackgroundLoopOptions, "log">,
): BackgroundLoop {
  const loop = resources.use(options.name, new BackgroundLoop({ ...options, log }));
  loop.start();
  return loop;
}

export class BackgroundLoop implements AsyncDisposable {
  readonly #options: BackgroundLoopOptions;
  readonly #backoffFirstMs: number;
  readonly #backoffCapMs: number;
  #finished: Promise<void> | undefined;
  #isStopping = false;
  #isWoken = false;
  #failures = 0;
  /** Number of runs in a row that found nothing to do. */
  #idleRuns = 0;
  /** Duration of the last run, in milliseconds. */
  #tookMs = 0;
  /** Ends the pause in progress. */
  #endPause: (() => void) | undefined;

  constructor(options: BackgroundLoopOptions) {
    this.#options = options;
    this.#backoffFirstMs = options.backoffFirstMs ?? DEFAULT_BACKOFF_FIRST_MS;
    this.#backoffCapMs = options.backoffCapMs ?? DEFAULT_BACKOFF_CAP_MS;
    assert(options.intervalMs > 0, `loop ${options.name}: the interval must be above 0 ms`);
    assert(
      (options.idleIntervalMs ?? options.intervalMs) >= options.intervalMs,
      `loop ${options.name}: the idle interval is below the interval`,
    );
    assert(this.#backoffFirstMs > 0, `loop ${options.name}: the backoff must be above 0 ms`);
    assert(
      this.#backoffCapMs >= this.#backoffFirstMs,
      `loop ${options.name}: the backoff's cap is below its start`,
    );
  }

  start(): void {
    assert(this.#finished === undefined, `loop ${this.#options.name} was started twice`);
    this.#finished = this.#loop();
  }

  /** Signals possible work. Safe to call at any rate, before the start and after the stop. */
  wake(): void {
    this.#isWoken = true;
    this.#idleRuns = 0;
    if (this.#failures === 0) this.#endPause?.();
  }

  /** Resolves when the batch in flight has ended. No new batch starts. Idempotent. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#endPause?.();
    await this.#finished;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #loop(): Promise<void> {
    while (!this.#isStopping) {
      this.#isWoken = false;
      const pauseMs = await this.#runOnce();
      if (this.#isStopping) return;
      if (this.#failures > 0) await this.#pause(pauseMs);
      // After a full batch, only yield to the event loop.
      else if (pauseMs === 0) await new Promise((resolve) => setImmediate(resolve));
      else await this.#pauseUntilWoken(pauseMs);
    }
  }

  /** First the linger and the rest after a slow run, which only `stop` ends, then the rest of the pause unless a wake-up arrived. */
  async #pauseUntilWoken(pauseMs: number): Promise<void> {
    const fixedMs = Math.max(this.#options.lingerMs?.() ?? 0, restAfter(this.#tookMs, this.#options));
    for (let left = fixedMs; left > 0 && !this.#isStopping;) {
      const begun = performance.now();
      await this.#pause(left);
      left -= performance.now() - begun;
    }
    if (this.#isStopping) return;
    if (this.#isWoken) await new Promise((resolve) => setImmediate(resolve));
    else await this.#pause(Math.max(0, pauseMs - fixedMs));
  }

  /** Runs one batch and returns the pause after it. Logs the first failure of a streak, and its end. */
  async #runOnce(): Promise<number> {
    const { name, runOnce, log } = this.#options;
    const begun = performance.now();
    try {
      const result = await runOnce();
      if (this.#failures > 0) log.info({ loop: name, failures: this.#failures }, `${name} works again`);
      this.#failures = 0;
      this.#tookMs = performance.now() - begun;
      const isIdle = result?.processed === 0 && result.isBlocked !== true && !this.#isWoken;
      this.#idleRuns = isIdle ? this.#idleRuns + 1 : 0;
      if (result?.hasMore === true) return 0;
      const pauseMs = pauseAfter(this.#tookMs, this.#idleRuns, this.#options);
      // Two loops in step would always find the same one first, though only the other can do the work.
      return this.#idleRuns > 1 ? withJitter(pauseMs, Math.random()) : pauseMs;
    } catch (error) {
      if (this.#failures === 0)
        log.error({ loop: name, err: error }, `${name} fails, retrying: ${describeError(error)}`);
      const pauseMs = cappedBackoff(this.#failures, this.#backoffFirstMs, this.#backoffCapMs);
      this.#failures += 1;
      return withJitter(pauseMs, Math.random());
    }
  }

  async #pause(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, ms);
    this.#endPause = resolve;
    await promise;
    this.#endPause = undefined;
    clearTimeout(timer);
  }
}
