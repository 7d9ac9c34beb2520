// Reads one page of a topic: the messages of a saga, those from a time or an offset on, or the newest. Bounded in messages and in time, and
// always says how far it looked, and where to go on. Joins no group and moves no offset. Called by topic-browser.ts.
import { AppError } from "../kernel/errors.ts";
import type { OffsetRange, RawMessage, ReadBatch, Span, TopicReader } from "../kernel/ports.ts";
import { timeOfId } from "../kernel/time-of-id.ts";
import { partitionOf } from "../messaging/partition-of.ts";
import { textIn } from "../messaging/read-dead-letter.ts";
import { masked, maskedText } from "./mask.ts";
import { type Places, placesText, type TopicRequest } from "./topic-request.ts";

export interface TopicMessage {
  readonly partition: number;
  readonly offset: number;
  /** Epoch ms, as the broker stored it. */
  readonly at: number;
  readonly type: string;
  readonly saga_id: string | null;
  readonly key: string | null;
  /** Without personal data; null if it is not JSON. */
  readonly value: unknown;
}

export interface TopicPage {
  readonly topic: string;
  readonly order: "oldest first" | "newest first";
  readonly messages: readonly TopicMessage[];
  /** What was looked through, messages of others included. */
  readonly read: readonly OffsetRange[];
  /** Why it ends here: it is full, there is no more in this direction, the limit of messages to look through, or the time limit. */
  readonly stopped: "full" | "end" | "messages" | "seconds";
  /** It begins with the first message that Kafka still has, and older ones were deleted. */
  readonly older_deleted: boolean;
  /** The places to go on from, in either direction; null if there is nothing. */
  readonly newer: string | null;
  readonly older: string | null;
}

export interface PageLimits {
  readonly messages: number;
  /** So many are looked through at most, in all partitions together. */
  readonly looked: number;
  readonly signal: AbortSignal;
}

/** Offsets at a time, while looking for a saga's messages among those of others. */
const CHUNK = 5_000;
/** A saga's first message may have an earlier time than its id: the clocks of the broker and of a role differ by this at most. */
const CLOCK_SLACK_MS = 60_000;

interface Found {
  readonly partition: number;
  readonly offset: number;
  readonly at: number;
  readonly key: string | null;
  /** Undefined if it is not JSON. */
  readonly value: unknown;
}

/** What is read of one partition, from `begin` on in the direction of the page. */
interface PartitionScan {
  readonly partition: number;
  /** Nothing before it is of interest: the first offset, or the birth of the saga. */
  readonly low: number;
  readonly high: number;
  readonly begin: number;
  /** Everything between `begin` and this was looked through. */
  at: number;
  /** In the direction of the page. */
  found: readonly Found[];
}

export async function readTopicPage(
  topic: string,
  reader: TopicReader,
  request: TopicRequest,
  limits: PageLimits,
): Promise<TopicPage> {
  const spans = await reader.spans();
  const isNewer = isForwards(request);
  const scans = await scansOf(topic, reader, request, spans);
  const why = await lookThrough(reader, scans, request, limits);
  const { taken, places } = merged(scans, limits.messages, isNewer);
  const begins = new Map(scans.map(({ partition, begin }) => [partition, begin]));
  const isLeft = (at: Places, isUp: boolean) =>
    scans.some(({ partition, low, high }) => {
      const offset = at.get(partition) ?? low;
      return isUp ? offset < high : offset > low;
    });
  const [newer, older] = isNewer ? [places, begins] : [begins, places];
  const goesOn = isLeft(places, isNewer);
  return {
    topic,
    order: isNewer ? "oldest first" : "newest first",
    messages: taken.map(messageOf),
    read: scans.map(({ partition, begin, at }) => ({
      partition,
      from: Math.min(begin, at),
      to: Math.max(begin, at),
    })),
    stopped: taken.length === limits.messages && goesOn ? "full" : goesOn ? why : "end",
    older_deleted: isNewer
      ? scans.every(({ partition, begin }) => begin === spans.get(partition)?.low) && begun(spans, scans)
      : !isLeft(older, false) && begun(spans, scans),
    newer: isLeft(newer, true) ? placesText(newer) : null,
    older: isLeft(older, false) ? placesText(older) : null,
  };
}

/** Whether one of them has lost its first messages, and is read down to what is left. */
function begun(spans: ReadonlyMap<number, Span>, scans: readonly PartitionScan[]): boolean {
  return scans.some(({ partition, low }) => low > 0 && low === spans.get(partition)?.low);
}

function isForwards({ sagaId, at, offset, turn }: TopicRequest): boolean {
  if (turn !== null) return turn.direction === "newer";
  return sagaId !== null || at !== null || offset !== null;
}

async function scansOf(
  topic: string,
  reader: TopicReader,
  request: TopicRequest,
  spans: ReadonlyMap<number, Span>,
): Promise<PartitionScan[]> {
  const { sagaId, at, offset, turn } = request;
  const partition = sagaId === null ? request.partition : partitionOf(sagaId, spans.size);
  const asked = partition === null ? [...spans.keys()].toSorted((a, b) => a - b) : [partition];
  if (partition !== null && !spans.has(partition))
    throw new AppError(
      "MESSAGE_INVALID",
      `${topic} has no partition ${partition}, only ${spans.size} from 0 on`,
    );
  const births = sagaId === null ? null : await reader.offsetsAt(timeOfId(sagaId) - CLOCK_SLACK_MS, asked);
  const times = at === null || turn !== null ? null : await reader.offsetsAt(at, asked);
  return asked.map((one) => {
    const span = spans.get(one) ?? { low: 0, high: 0 };
    const low = births === null ? span.low : clamped(births.get(one) ?? span.high, span);
    const start =
      turn !== null
        ? turn.places === null
          ? span.high
          : (turn.places.get(one) ?? (turn.direction === "newer" ? low : span.high))
        : times !== null
          ? (times.get(one) ?? span.high)
          : (offset ?? (sagaId === null ? span.high : low));
    const begin = clamped(start, { low, high: span.high });
    return { partition: one, low, high: span.high, begin, at: begin, found: [] };
  });
}

function clamped(offset: number, { low, high }: Span): number {
  return Math.min(Math.max(offset, low), high);
}

/** Window by window, so that looking back costs no more than looking forwards. Returns why it stopped if not all was looked through. */
async function lookThrough(
  reader: TopicReader,
  scans: readonly PartitionScan[],
  request: TopicRequest,
  { messages, looked, signal }: PageLimits,
): Promise<"full" | "messages" | "seconds"> {
  const isNewer = isForwards(request);
  const step = request.sagaId === null ? messages : CHUNK;
  let left = looked;
  while (!signal.aborted) {
    const ranges = windowsOf(scans, isNewer, step, left);
    const found = scans.reduce((sum, scan) => sum + scan.found.length, 0);
    if (found >= messages || ranges.length === 0) return found < messages && left === 0 ? "messages" : "full";
    const window: Found[] = [];
    const take = (batch: ReadBatch) => window.push(...foundIn(batch, ranges, request.sagaId));
    const reached = await reader.read(ranges, take, signal);
    const byPartition = Map.groupBy(window, ({ partition }) => partition);
    for (const { partition, from, to } of ranges) {
      left -= to - from;
      const scan = scans.find((one) => one.partition === partition);
      const upTo = reached.get(partition) ?? from;
      // Of a window that was read in part, looking back, the newest messages are missing: the next page reads it again.
      if (scan === undefined || (!isNewer && upTo < to)) continue;
      const seen = (byPartition.get(partition) ?? []).filter(({ offset }) => offset < upTo);
      scan.at = isNewer ? upTo : from;
      scan.found = [...scan.found, ...(isNewer ? seen : seen.toReversed())];
    }
  }
  return "seconds";
}

function windowsOf(
  scans: readonly PartitionScan[],
  isNewer: boolean,
  step: number,
  most: number,
): OffsetRange[] {
  let left = most;
  return scans.flatMap(({ partition, low, high, at }) => {
    const size = Math.min(step, left, isNewer ? high - at : at - low);
    if (size <= 0) return [];
    left -= size;
    return [isNewer ? { partition, from: at, to: at + size } : { partition, from: at - size, to: at }];
  });
}

function foundIn(batch: ReadBatch, ranges: readonly OffsetRange[], sagaId: string | null): Found[] {
  const found: Found[] = [];
  const add = ({ partition, offset, timestampMs, key }: RawMessage, value: unknown) => {
    const text = key === null ? null : Buffer.from(key).toString();
    if (sagaId !== null && text !== sagaId && textIn(value, "saga_id") !== sagaId) return;
    if (ranges.some((one) => one.partition === partition && offset >= one.from && offset < one.to))
      found.push({ partition, offset, at: timestampMs, key: text, value });
  };
  for (const [index, value] of batch.values.entries()) {
    // A message of another saga is told by its body: copying each one out of the batch would take longer than reading it.
    const owner = textIn(value, "saga_id");
    if (sagaId === null || owner === undefined || owner === sagaId) add(batch.raw(index), value);
  }
  for (const raw of batch.undecodable) add(raw, undefined);
  return found.toSorted((a, b) => a.offset - b.offset);
}

/**
 * The first messages by time, each partition in its own order, and where the next page begins: no message is left out or shown twice,
 * also if the times of a partition go back.
 */
function merged(
  scans: readonly PartitionScan[],
  limit: number,
  isNewer: boolean,
): { readonly taken: readonly Found[]; readonly places: Places } {
  const taken: Found[] = [];
  const heads = scans.map(() => 0);
  while (taken.length < limit) {
    let best: { readonly scan: number; readonly message: Found } | null = null;
    for (const [scan, { found }] of scans.entries()) {
      const message = found[heads[scan] ?? 0];
      if (message === undefined) continue;
      if (best === null || (isNewer ? message.at < best.message.at : message.at >= best.message.at))
        best = { scan, message };
    }
    if (best === null) break;
    taken.push(best.message);
    heads[best.scan] = (heads[best.scan] ?? 0) + 1;
  }
  const places = new Map(
    scans.map(({ partition, at, found }, scan): [number, number] => {
      const next = found[heads[scan] ?? 0];
      return [partition, next === undefined ? at : isNewer ? next.offset : next.offset + 1];
    }),
  );
  return { taken, places };
}

function messageOf({ partition, offset, at, key, value }: Found): TopicMessage {
  const type =
    value === undefined ? "not JSON" : (textIn(value, "type") ?? textIn(value, "error_code") ?? "message");
  const saga_id = textIn(value, "saga_id") ?? null;
  return {
    partition,
    offset,
    at,
    type,
    saga_id,
    // A saga's id, unless somebody has written by hand.
    key: key === null ? null : maskedText(key),
    value: value === undefined ? null : masked(value, false),
  };
}
