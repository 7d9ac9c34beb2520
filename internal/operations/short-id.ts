// The short form of an id, as pages show it: `019ace50-3f2a…01a7`. It begins with the whole time of a UUIDv7, to the millisecond, and ends with its
// end, so it can be pasted into the search: an index on the id finds it. Pure. Called by the console and find-anything.ts.
import { UUID } from "../kernel/uuid.ts";

const HEAD = 13;
const TAIL = 4;
/** Whoever types it has three dots, or two. */
const SHORT = /^([0-9a-f]{8}-[0-9a-f]{4})(?:…|\.{2,3})([0-9a-f]{4})$/;
/** Of what is no UUID, such as an idempotency key: the end, which is no search. */
const MAX_LENGTH = 14;
const END = 12;

export function shortId(id: string): string {
  if (UUID.test(id)) return `${id.slice(0, HEAD)}…${id.slice(-TAIL)}`;
  return id.length > MAX_LENGTH ? `…${id.slice(-END)}` : id;
}

export interface ShortId {
  /** The ids that begin so: both inclusive. */
  readonly from: string;
  readonly to: string;
  /** Their last four digits. */
  readonly tail: string;
}

/** Null for text that is no short id. */
export function readShortId(text: string): ShortId | null {
  const [, head, tail] = SHORT.exec(text.trim().toLowerCase()) ?? [];
  if (head === undefined || tail === undefined) return null;
  return { from: `${head}-0000-0000-000000000000`, to: `${head}-ffff-ffff-ffffffffffff`, tail };
}

export function isShortOf(short: ShortId, id: string): boolean {
  return id >= short.from && id <= short.to && id.endsWith(short.tail);
}
