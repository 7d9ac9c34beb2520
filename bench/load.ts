// Puts load on the system: checkouts, and shoppers who only read. The ends of the checkouts are read from the saga database after the
// run (ends.ts), because polling thousands of sagas from outside would add load.
import type { CheckoutRequest } from "../schemas/http.ts";
import { browse } from "./browse.ts";
import { atOnce, openLoop } from "./open-loop.ts";
import { OpenSagas } from "./open-sagas.ts";
import { cpuMsByGroup } from "./processes.ts";
import { cartOf, Refused } from "./shopper.ts";
import type { System } from "./system.ts";

const GIVE_UP_MS = 60_000;
/** Maximum concurrent requests to the gateway; more would measure the driver's sockets. */
const MAX_REQUESTS_IN_FLIGHT = 400;
const AT_ONCE_CONNECTIONS = 250;
const DRAIN_MS = 60_000;
const DRAIN_POLL_MS = 100;

export interface LoadOptions {
  /** Checkouts per second, in an open loop. */
  readonly ratePerSecond: number;
  /** Instead of a rate: this many checkouts at once. The measurement lasts until the last one has finished. */
  readonly atOnce?: number;
  readonly warmUpSeconds: number;
  readonly measuredSeconds: number;
  readonly linesPerCart: number;
  /** The shoppers' card. Default: a card that is accepted. */
  readonly card?: string;
  /** Pauses arrivals while this many sagas are open, to find the capacity instead of building a queue. */
  readonly maxOpenSagas?: number;
  /** All shoppers want one new SKU with this stock. */
  readonly scarceStock?: number;
  /** The share of checkouts that are sent twice with the same Idempotency-Key. */
  readonly duplicateShare?: number;
  /** Reads of a status or the catalogue beside the checkouts, for each checkout of `ratePerSecond`. */
  readonly readsPerOrder?: number;
  /** The time limit for finishing everything after the last arrival. */
  readonly drainSeconds?: number;
}

export interface PlacedCheckout {
  /** Epoch ms. For arrivals that were paused on purpose, the time they were sent. */
  readonly intendedAt: number;
  readonly acceptedAt: number;
  /** Index of the shopper who placed it. */
  readonly shopper: number;
}

/** The driver's observations; times in epoch ms. */
export interface Load {
  readonly startedAt: number;
  readonly from: number;
  readonly until: number;
  readonly placed: ReadonlyMap<string, PlacedCheckout>;
  /** The number of finally refused checkouts, by reason. */
  readonly refusals: ReadonlyMap<string, number>;
  /** Checkouts sent twice that became two sagas. */
  readonly doubled: number;
  /** Durations of reads in ms, from their intended start; and the number of failed reads. */
  readonly reads: readonly number[];
  readonly readsFailed: number;
  /** CPU between `from` and `until` in ms: by process, and of the driver. */
  readonly cpuMs: ReadonlyMap<string, number>;
  readonly driverCpuMs: number;
}

/** Called at the start of the measurement with its start and end; disturbs the system. Awaited before the drain. */
export type Meanwhile = (from: number, until: number) => Promise<void> | undefined;

export async function runLoad(system: System, options: LoadOptions, meanwhile?: Meanwhile): Promise<Load> {
  const { ratePerSecond, warmUpSeconds, measuredSeconds, maxOpenSagas } = options;
  const scarce = `bench-scarce-${Date.now().toString(36)}`;
  if (options.scarceStock !== undefined) await system.restock([scarce], options.scarceStock);
  const skusOf = (index: number) =>
    options.scarceStock === undefined ? cartSkus(system, index, options.linesPerCart) : [scarce];
  const placing = new Placing(system, options, skusOf);

  using gate = new OpenSagas(system, maxOpenSagas);
  const startedAt = now();
  const from = startedAt + (options.atOnce === undefined ? warmUpSeconds * 1_000 : 0);
  const planned = from + measuredSeconds * 1_000;
  const usage = measureUsage(system, from, options.atOnce === undefined ? planned : undefined);
  const happening = Bun.sleep(from - now()).then(() => meanwhile?.(from, planned));
  const reading =
    options.readsPerOrder === undefined
      ? undefined
      : browse(system, options.readsPerOrder * ratePerSecond, {
          from,
          until: planned,
          sagas: placing.placed,
        });
  if (options.atOnce === undefined) {
    const isHeld = maxOpenSagas !== undefined;
    const paused = () => gate.isFull || (isHeld && placing.inFlight >= MAX_REQUESTS_IN_FLIGHT);
    const total = Math.round(ratePerSecond * (warmUpSeconds + measuredSeconds));
    const arrive = (index: number, at: number) => void placing.place(index, isHeld ? now() : at);
    await openLoop(ratePerSecond, total, arrive, { paused, isOver: () => isHeld && now() >= planned });
    await Bun.sleep(planned - now());
  } else {
    await atOnce(options.atOnce, AT_ONCE_CONNECTIONS, (index) => placing.place(index, startedAt));
  }
  await happening;
  const drainMs = options.drainSeconds === undefined ? DRAIN_MS : options.drainSeconds * 1_000;
  await drained(() => placing.inFlight === 0, drainMs);
  await gate.untilEmpty(drainMs);
  usage.stop();
  const { cpuMs, driverCpuMs, until } = await usage.result;
  const { placed, refusals, doubled } = placing;
  const { reads = [], failed: readsFailed = 0 } = (await reading) ?? {};
  return { startedAt, from, until, placed, refusals, doubled, reads, readsFailed, cpuMs, driverCpuMs };
}

/** Sends checkouts and records their sagas. */
class Placing {
  readonly placed = new Map<string, PlacedCheckout>();
  readonly refusals = new Map<string, number>();
  doubled = 0;
  inFlight = 0;
  readonly #system: System;
  readonly #options: LoadOptions;
  readonly #skusOf: (index: number) => readonly string[];

  constructor(system: System, options: LoadOptions, skusOf: (index: number) => readonly string[]) {
    this.#system = system;
    this.#options = options;
    this.#skusOf = skusOf;
  }

  async place(index: number, intendedAt: number): Promise<void> {
    const { card = "pm_card_visa", duplicateShare = 0 } = this.#options;
    const cart = cartOf(this.#skusOf(index), card, this.#system.currency);
    const key = `bench-${Bun.randomUUIDv7()}`;
    // Spread evenly, so that two runs send the same ones twice.
    const isTwice = Math.floor((index + 1) * duplicateShare) > Math.floor(index * duplicateShare);
    this.inFlight += 1;
    try {
      const send = () => this.#send(index, cart, key);
      const [sagaId, again] = await Promise.all(isTwice ? [send(), send()] : [send()]);
      const shopper = index % this.#system.shoppers.length;
      this.placed.set(sagaId, { intendedAt, acceptedAt: now(), shopper });
      if (again !== undefined && again !== sagaId) this.doubled += 1;
    } catch (error) {
      const reason = error instanceof Refused ? error.message : "no answer";
      this.refusals.set(reason, (this.refusals.get(reason) ?? 0) + 1);
    } finally {
      this.inFlight -= 1;
    }
  }

  async #send(index: number, cart: CheckoutRequest, key: string): Promise<string> {
    const { shoppers } = this.#system;
    const shopper = shoppers[index % shoppers.length];
    if (shopper === undefined) throw new Error("the system has no shoppers");
    const { saga_id } = await shopper.checkout(cart, key, Date.now() + GIVE_UP_MS);
    return saga_id;
  }
}

/** Measures CPU from `from` (epoch ms) to `planned`, or to `stop` if `planned` is undefined. */
function measureUsage(system: System, from: number, planned: number | undefined) {
  const stopped = Promise.withResolvers<void>();
  const measure = async () => {
    await Bun.sleep(from - now());
    const before = cpuMsByGroup(system.processes);
    const driverBefore = process.cpuUsage();
    await (planned === undefined ? stopped.promise : Bun.sleep(planned - now()));
    const until = planned ?? now();
    const { user, system: kernel } = process.cpuUsage(driverBefore);
    // A process that was restarted meanwhile begins at 0.
    const cpuMs = new Map(
      Array.from(cpuMsByGroup(system.processes), ([name, ms]) => {
        const earlier = before.get(name) ?? 0;
        return [name, ms >= earlier ? ms - earlier : ms] as const;
      }),
    );
    return { cpuMs, driverCpuMs: (user + kernel) / 1_000, until };
  };
  return { result: measure(), stop: () => stopped.resolve() };
}

function cartSkus({ skus }: System, index: number, count: number): string[] {
  return Array.from({ length: count }, (_, line) => skus[(index * count + line) % skus.length] ?? "");
}

async function drained(isDone: () => boolean, limitMs: number): Promise<void> {
  const deadline = Date.now() + limitMs;
  while (!isDone() && Date.now() < deadline) await Bun.sleep(DRAIN_POLL_MS);
}

/** Epoch ms, to the microsecond. */
function now(): number {
  return performance.timeOrigin + performance.now();
}
