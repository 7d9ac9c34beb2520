// Parses a URL's query strictly by a schema, with our own code: the framework's number conversion broke when minified (Elysia 1.4.30
// no longer checked any number). Called by the HTTP APIs.
import type { Static, TObject } from "@sinclair/typebox";
import { TypeCompiler } from "@sinclair/typebox/compiler";

/** The place and the reason, never the value. */
export interface QueryFault {
  readonly path: string;
  readonly message: string;
}

export type ReadQuery<Query> = { readonly query: Query } | { readonly faults: readonly QueryFault[] };

/** Only digits, within JavaScript's whole numbers; stricter than `Number`. */
const WHOLE_NUMBER = /^-?\d{1,15}$/;

/**
 * Returns a function that parses the query of `url`, the text after its first `?`. A repeated name is a fault, because two readers
 * could use different values. An invalid UTF-8 escape becomes the replacement character.
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
