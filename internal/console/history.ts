// The last hour of what the collector reads, in memory: a point every ten seconds, for the pictures of /graphs. A restart begins empty; who keeps
// figures for longer has Prometheus. What is unknown at the time of a point is missing in it, and is drawn as a gap. Filled by cmd/console beside the collector.
import type { Snapshot } from "./collector.ts";
import { CHARTS, type ChartId } from "./charts.ts";

/** By series. */
export type Values = Readonly<Record<string, number>>;

export interface Point {
  /** Epoch ms. */
  readonly at: number;
  readonly values: Readonly<Record<ChartId, Values>>;
}

export const POINT_EVERY_MS = 10_000;
const KEEP_MS = 3_600_000;
const MAX_POINTS = KEEP_MS / POINT_EVERY_MS;
/** More lines than this nobody can tell apart, and one role with many processes must not fill the memory. */
export const MAX_SERIES = 24;

export class History {
  readonly #points: Point[] = [];

  /** Oldest first. */
  get points(): readonly Point[] {
    return this.#points;
  }

  /** Keeps the figures of `snapshot` if the newest point is ten seconds old. */
  addIfDue(snapshot: Snapshot, now: number): void {
    const newest = this.#points.at(-1);
    // The clock may have been set back.
    if (newest !== undefined && now >= newest.at && now - newest.at < POINT_EVERY_MS) return;
    this.#points.push({ at: now, values: valuesOf(snapshot) });
    while ((this.#points[0]?.at ?? now) < now - KEEP_MS || this.#points.length > MAX_POINTS)
      this.#points.shift();
  }
}

function valuesOf(snapshot: Snapshot): Record<ChartId, Values> {
  const values: Partial<Record<ChartId, Values>> = {};
  for (const { id, read } of CHARTS)
    values[id] = Object.fromEntries(Object.entries(read(snapshot)).slice(0, MAX_SERIES));
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- every chart has just been given its values.
  return values as Record<ChartId, Values>;
}
