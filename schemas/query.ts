// The text of a URL's query, read by a schema: strictly, and by our own code. An HTTP framework's way of making numbers out of
// text did not survive minifying (Elysia 1.4.30: no number was checked any more). Called by the HTTP APIs.
import type { Static, TObject } from "@sinclair/typebox";
import { TypeCompiler } from "@sinclair/typebox/compiler";

/** Where and why, never the value. */
export interface QueryFault {
  readonly path: string;
  readonly message: string;
}

export type ReadQuery<Query> = { readonly query: Query } | { readonly faults: readonly QueryFault[] };

/** Whole numbers of JavaScript, in digits alone: not everything that `Number` reads. */
const WHOLE_NUMBER = /^-?\d{1,15}$/;

/**
 * Returns the function that reads the query of `url`, the text after its first `?`. A name that comes twice is a fault, because
 * two readers would take different ones of them. A broken escape is read as the replacement character.
 */
export function queryReader<Schema extends TObject>(
  schema: Schema,
): (url: string) => ReadQuery<Static<Schema>> {
  const check = TypeCompiler.Compile(schema);
  return (url) => {
    const begin = url.indexOf("?");
    const given = begin === -1 ? [] : [...new URLSearchParams(url.slice(begin + 1))];
    const query: unknown = Object.fromEntries(
      given.map(([name, text]) => [name, valueOf(schema.properties[name]?.["type"], text)]),
    );
    const names = given.map(([name]) => name);
    const twice = names.find((name, at) => names.indexOf(name) !== at);
    if (twice !== undefined) return { faults: [{ path: `/${twice}`, message: "is given twice" }] };
    if (check.Check(query)) return { query };
    return { faults: [...check.Errors(query)].map(({ path, message }) => ({ path, message })) };
  };
}

function valueOf(type: unknown, text: string): unknown {
  return type === "integer" && WHOLE_NUMBER.test(text) ? Number(text) : text;
}
