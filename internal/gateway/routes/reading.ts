// Reads queries and path parts for the routes. Strict: unknown input is rejected, never ignored.
import type { Static, TObject } from "@sinclair/typebox";
import { type HeaderFields } from "./route.ts";
import { Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { Uuid } from "../../../schemas/fields.ts";
import { queryReader } from "../../../schemas/query.ts";
import { ProblemError } from "../problem.ts";

const MAX_FAULTS_TOLD = 20;

/** Reads the query of a URL by `schema`, or throws the problem `invalid-query` with the faults. */
export function strictQuery<Schema extends TObject>(schema: Schema): (url: string) => Static<Schema> {
  const reader = queryReader(schema);
  return (url) => {
    const read = reader(url);
    if ("query" in read) return read.query;
    throw new ProblemError("invalid-query", { errors: read.faults.slice(0, MAX_FAULTS_TOLD) });
  };
}

/** The id in a path; a wrong one looks like that of something missing. */
export function idOf(text: string | undefined): string {
  if (Value.Check(Uuid, text)) return text;
  throw new ProblemError("not-found");
}

/** What an answer of `answerCacheable` has. */
export const CACHE_HEADERS: HeaderFields = {
  ETag: { description: "Validator for `If-None-Match`.", schema: Type.String(), required: true },
  "Cache-Control": { description: "How long it may be used.", schema: Type.String(), required: true },
};

/** For answers about one shopper. */
export const NO_STORE: HeaderFields = {
  "Cache-Control": { description: "Never stored.", schema: Type.Literal("no-store") },
};

export const IF_NONE_MATCH: HeaderFields = {
  "If-None-Match": {
    description: "ETag of the answer that the client has; if it is still the same, the answer is 304.",
    schema: Type.String(),
  },
};

export const NOT_MODIFIED = { description: "The client has this answer already.", headers: CACHE_HEADERS };
