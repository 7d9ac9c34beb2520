// The types whose values the driver does not convert as we want them, and lists of the types that our statements have lists of. The driver
// could find out about lists by itself: it asks each new connection for the server's types. That is a third of what a new connection costs the
// server (6.3 to 7.5 ms of CPU instead of 3.8 to 4.4), and a connection that breaks meanwhile ends the process (postgres 3.4.9).
//
// A type that is missing here: the server refuses a list ("malformed array literal"), and one that it sends stays text. The numbers are those
// of pg_type, the same in every Postgres. Called by postgres.ts.
import type { PostgresType } from "postgres";
import { assert } from "../kernel/errors.ts";

/** int8. The driver's default is a string. */
const bigint = {
  to: 20,
  from: [20],
  serialize: (value: number | bigint): string => String(value),
  parse(text: string): number {
    const value = Number(text);
    if (!Number.isSafeInteger(value)) throw new RangeError(`bigint ${text} from the database exceeds 2^53`);
    return value;
  },
};

/** timestamptz and timestamp. */
const timestamp = {
  to: 1184,
  from: [1114, 1184],
  serialize: (value: number | string | Date): string => new Date(value).toISOString(),
  parse: (text: string): number => new Date(text).getTime(),
};

/**
 * Of a list. Undefined is a programmer's error, as outside of lists. Of a boolean or a bigint the driver would take the list for such a value, so our
 * statements have no lists of them.
 */
type Element = string | number | bigint | boolean | null | undefined;

const asIs = (text: string) => text;

export const TYPES = {
  bigint,
  timestamp,
  booleans: listsOf(1000, (text) => text === "t"),
  names: listsOf(1003, asIs),
  smallints: listsOf(1005, Number),
  integers: listsOf(1007, Number),
  texts: listsOf(1009, asIs),
  varchars: listsOf(1015, asIs),
  bigints: listsOf(1016, (text) => bigint.parse(text)),
  doubles: listsOf(1022, Number),
  uuids: listsOf(2951, asIs),
} satisfies Record<string, PostgresType>;

/** `number`: of the list's type. `parse`: of an element. */
function listsOf<T extends Element>(
  number: number,
  parse: (text: string) => T,
): PostgresType<readonly (T | null)[]> {
  return {
    to: number,
    from: [number],
    // A text is a list that somebody has written.
    serialize: (list: readonly Element[] | string) => (typeof list === "string" ? list : listText(list)),
    parse: (text: string) => parseList(text, parse),
  };
}

/** As Postgres reads it: `{"one","another",NULL}`. */
export function listText(list: readonly Element[]): string {
  const elements = list.map((element) => {
    assert(element !== undefined, "a list for the database has an undefined element");
    return element === null ? "NULL" : `"${String(element).replaceAll(/["\\]/g, "\\$&")}"`;
  });
  return `{${elements.join(",")}}`;
}

/** An element in quotes or without. */
const ELEMENT = /"((?:[^"\\]|\\.)*)"|([^",{}]+)/gsy;

/** Of one dimension that begins at 1, as our lists do. */
export function parseList<T>(text: string, parse: (text: string) => T): readonly (T | null)[] {
  assert(text.startsWith("{") && text.endsWith("}"), "a list from the database has bounds of its own");
  const list: (T | null)[] = [];
  for (let at = 1; at < text.length - 1; at += 1) {
    ELEMENT.lastIndex = at;
    const found = ELEMENT.exec(text);
    assert(found !== null, "a list from the database has several dimensions");
    const [all, quoted, bare = ""] = found;
    if (quoted !== undefined) list.push(parse(quoted.replaceAll(/\\(.)/gs, "$1")));
    else list.push(bare === "NULL" ? null : parse(bare));
    at += all.length;
  }
  return list;
}
