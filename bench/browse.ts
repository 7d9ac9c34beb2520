// Shoppers who only read: the status of a checkout and a page of products, in turn. An open loop beside the checkouts.
import { openLoop } from "./open-loop.ts";
import type { System } from "./system.ts";

const REQUEST_TIMEOUT_MS = 10_000;
const PAGE_ITEMS = 20;
/** Reads rotate over this many of the newest checkouts. */
const WATCHED = 200;

export interface BrowseOptions {
  /** Epoch ms. */
  readonly from: number;
  readonly until: number;
  /** The checkouts to look at, by id. The map grows during the run. */
  readonly sagas: ReadonlyMap<string, Watchable>;
}

interface Watchable {
  /** Index of the shopper who placed it; only this shopper may look at it. */
  readonly shopper: number;
}

/** Returns the duration of each read in ms, from its intended start, and the number of failed reads. */
export async function browse(
  system: System,
  readsPerSecond: number,
  { from, until, sagas }: BrowseOptions,
): Promise<{ readonly reads: number[]; readonly failed: number }> {
  const reads: number[] = [];
  let failed = 0;
  const watched = new Watched(sagas);
  const read = async (index: number, intendedAt: number) => {
    try {
      const [sagaId, owner] = (index % 2 === 0 && watched.at(index)) || [];
      const isAnswered =
        sagaId === undefined || owner === undefined
          ? await page(system.addresses.gateway)
          : ((await system.shoppers[owner.shopper]?.look(sagaId, 0)) ?? null) !== null;
      if (!isAnswered) throw new Error("no answer");
      reads.push(Math.max(0, performance.timeOrigin + performance.now() - intendedAt));
    } catch {
      failed += 1;
    }
  };
  await Bun.sleep(from - Date.now());
  const under: Promise<void>[] = [];
  const total = Math.round((readsPerSecond * (until - from)) / 1_000);
  await openLoop(readsPerSecond, total, (index, intendedAt) => void under.push(read(index, intendedAt)));
  await Promise.all(under);
  return { reads, failed };
}

async function page(gateway: string): Promise<boolean> {
  const response = await fetch(`${gateway}/api/v1/products?limit=${PAGE_ITEMS}`, {
    signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
  });
  await response.arrayBuffer();
  return response.ok;
}

/** The newest entries of a growing map, without iterating over it each time. */
class Watched {
  readonly #sagas: ReadonlyMap<string, Watchable>;
  readonly #newest: (readonly [string, Watchable])[] = [];
  readonly #entries: MapIterator<[string, Watchable]>;
  #seen = 0;

  constructor(sagas: ReadonlyMap<string, Watchable>) {
    this.#sagas = sagas;
    this.#entries = sagas.entries();
  }

  at(index: number): readonly [string, Watchable] | undefined {
    for (; this.#seen < this.#sagas.size; this.#seen++) {
      const { value } = this.#entries.next();
      if (value !== undefined) this.#newest[this.#seen % WATCHED] = value;
    }
    return this.#newest[index % Math.max(1, this.#newest.length)];
  }
}
