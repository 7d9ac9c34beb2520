// Load on the system and what came of it. A checkout is timed from the moment it was meant to start until its saga rests, by
// the saga's own `completed_at`: polling thousands of sagas from outside would load the system with the measuring.
import { cartOf } from "./shopper.ts";
import { openLoop } from "./open-loop.ts";
import { cpuMsByGroup } from "./processes.ts";
import type { System } from "./system.ts";

const GIVE_UP_MS = 60_000;
const OPEN_SAGAS_POLL_MS = 200;
/** Requests on their way to the gateway at once; more would measure the driver's sockets. */
const MAX_REQUESTS_IN_FLIGHT = 400;
const DRAIN_MS = 60_000;

export interface LoadOptions {
  readonly ratePerSecond: number;
  readonly warmUpSeconds: number;
  readonly measuredSeconds: number;
  readonly linesPerCart: number;
  /** What the shoppers pay with; by default a card that is accepted. */
  readonly card?: string;
  /** Holds arrivals back while so many sagas are open: finds the limit instead of a queue. */
  readonly maxOpenSagas?: number;
}

export interface LoadResult {
  readonly placed: number;
  /** Of those, per second, what was meant to start within the measured time. At most the rate that was asked for. */
  readonly placedPerSecond: number;
  readonly refused: number;
  /** Sagas that came to rest within the measured time, per second of it. */
  readonly ordersPerSecond: number;
  readonly completed: number;
  readonly compensated: number;
  readonly notAtRest: number;
  /** Milliseconds from the intended start, of the checkouts meant to start within the measured time. */
  readonly accepted: Percentiles;
  readonly atRest: Percentiles;
  /** Milliseconds from the moment the saga knew that it had failed until everything was undone; all 0 where none failed. */
  readonly undone: Percentiles;
  /** CPU per order in milliseconds, by process and in sum, over the measured time. */
  readonly cpuMsPerOrder: Readonly<Record<string, number>>;
  readonly cpuMsPerOrderTotal: number;
}

export interface Percentiles {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
}

interface Placed {
  readonly intendedAt: number;
  readonly acceptedAt: number;
}

export async function runLoad(system: System, options: LoadOptions): Promise<LoadResult> {
  const { ratePerSecond, warmUpSeconds, measuredSeconds } = options;
  const placed = new Map<string, Placed>();
  let inFlight = 0;
  let refused = 0;
  const arrive = async (index: number, intendedAt: number) => {
    inFlight += 1;
    try {
      const shopper = system.shoppers[index % system.shoppers.length];
      const cart = cartOf(
        skusOf(system, index, options.linesPerCart),
        options.card ?? "pm_card_visa",
        system.currency,
      );
      const answer = await shopper?.checkout(cart, `bench-${Bun.randomUUIDv7()}`, Date.now() + GIVE_UP_MS);
      if (answer !== undefined) placed.set(answer.saga_id, { intendedAt, acceptedAt: Date.now() });
    } catch {
      refused += 1;
    } finally {
      inFlight -= 1;
    }
  };

  const gate = new OpenSagas(system, options.maxOpenSagas);
  const startedAt = Date.now();
  const from = startedAt + warmUpSeconds * 1_000;
  const until = from + measuredSeconds * 1_000;
  const cpu = measureCpu(system, from, until);
  const paused = () =>
    gate.isFull || (options.maxOpenSagas !== undefined && inFlight >= MAX_REQUESTS_IN_FLIGHT);
  const total = Math.round(ratePerSecond * (warmUpSeconds + measuredSeconds));
  const isOver = () => options.maxOpenSagas !== undefined && Date.now() >= until;
  await openLoop(ratePerSecond, total, (index, intendedAt) => void arrive(index, intendedAt), {
    paused,
    isOver,
  });
  await drained(() => inFlight === 0);
  await drained(() => gate.isEmpty);
  gate.stop();

  const ends = await readEnds(system, startedAt);
  const within = (at: number | undefined) => at !== undefined && at >= from && at < until;
  const restedInTime = [...ends.values()].filter((end) => within(end.completedAt));
  const orders = restedInTime.length;
  const intended = [...placed].filter(([, { intendedAt }]) => within(intendedAt));
  const cpuMs = await cpu;
  const perOrder = Object.fromEntries(Array.from(cpuMs, ([name, ms]) => [name, ms / Math.max(1, orders)]));
  return {
    placed: placed.size,
    placedPerSecond: intended.length / measuredSeconds,
    refused,
    ordersPerSecond: orders / measuredSeconds,
    completed: restedInTime.filter(({ status }) => status === "COMPLETED").length,
    compensated: restedInTime.filter(({ status }) => status === "COMPENSATED").length,
    notAtRest: [...placed.keys()].filter((id) => ends.get(id)?.completedAt === undefined).length,
    accepted: percentiles(intended.map(([, { intendedAt, acceptedAt }]) => acceptedAt - intendedAt)),
    atRest: percentiles(
      intended.flatMap(([id, { intendedAt }]) => {
        const completedAt = ends.get(id)?.completedAt;
        return completedAt === undefined ? [] : [completedAt - intendedAt];
      }),
    ),
    undone: percentiles(
      intended.flatMap(([id]) => {
        const { failedAt, completedAt } = ends.get(id) ?? {};
        return failedAt === undefined || completedAt === undefined ? [] : [completedAt - failedAt];
      }),
    ),
    cpuMsPerOrder: perOrder,
    cpuMsPerOrderTotal: Object.values(perOrder).reduce((sum, ms) => sum + ms, 0),
  };
}

function skusOf({ skus }: System, index: number, count: number): string[] {
  return Array.from({ length: count }, (_, line) => skus[(index * count + line) % skus.length] ?? "");
}

/** Looks now and then at how many sagas are under way, by the orchestrator's own counters: counting rows would be load. */
class OpenSagas {
  readonly #system: System;
  readonly #limit: number;
  readonly #timer: ReturnType<typeof setInterval>;
  #count = 0;

  constructor(system: System, limit = Number.POSITIVE_INFINITY) {
    this.#system = system;
    this.#limit = limit;
    this.#timer = setInterval(() => void this.#look(), OPEN_SAGAS_POLL_MS);
  }

  get isFull(): boolean {
    return this.#count >= this.#limit;
  }

  get isEmpty(): boolean {
    return this.#count === 0;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    this.#count = await this.#system.openSagas();
  }
}

/** CPU used between two moments (epoch ms), in milliseconds, by process. */
async function measureCpu(system: System, from: number, until: number): Promise<Map<string, number>> {
  await Bun.sleep(from - Date.now());
  const before = cpuMsByGroup(system.processes);
  await Bun.sleep(until - Date.now());
  const after = cpuMsByGroup(system.processes);
  return new Map(Array.from(after, ([name, ms]) => [name, ms - (before.get(name) ?? 0)]));
}

async function readEnds(system: System, startedAt: number) {
  const rows = await system.sagas<
    { saga_id: string; status: string; completed_ms: number | null; failed_ms: number | null }[]
  >`
    select saga_id, status, (extract(epoch from completed_at) * 1000)::float8 as completed_ms,
           (extract(epoch from (select min(at) from saga_history h
                                 where h.saga_id = s.saga_id and h.to_status = 'COMPENSATING')) * 1000)::float8 as failed_ms
      from saga_state s where created_at >= ${new Date(startedAt)}`;
  return new Map(
    rows.map(({ saga_id, status, completed_ms, failed_ms }) => [
      saga_id,
      { status, completedAt: completed_ms ?? undefined, failedAt: failed_ms ?? undefined },
    ]),
  );
}

async function drained(isDone: () => boolean): Promise<void> {
  const deadline = Date.now() + DRAIN_MS;
  // The first look comes a poll after the last arrival, so that "empty" cannot mean "not looked yet".
  do await Bun.sleep(2 * OPEN_SAGAS_POLL_MS);
  while (!isDone() && Date.now() < deadline);
}

function percentiles(values: readonly number[]): Percentiles {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number) =>
    Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0);
  return { p50: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1) };
}
