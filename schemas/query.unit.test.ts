// A query is parsed by its schema, and a fault names its place.
import { expect, test } from "bun:test";
import { Type } from "@sinclair/typebox";
import { queryReader } from "./query.ts";

const read = queryReader(
  Type.Object(
    {
      after: Type.Optional(Type.String({ maxLength: 5 })),
      limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 10 })),
    },
    { additionalProperties: false },
  ),
);

test.each([
  ["http://h/x", {}],
  ["http://h/x?", {}],
  ["http://h/x?limit=7", { limit: 7 }],
  ["http://h/x?after=12&limit=10", { after: "12", limit: 10 }],
  ["http://h/x?after=%E2%82%AC+%3F", { after: "€ ?" }],
  ["http://h/x?after=%", { after: "%" }],
])("%s", (url, query) => {
  expect(read(url)).toEqual({ query });
});

test.each([
  ["limit=0", "/limit"],
  ["limit=11", "/limit"],
  ["limit=-1", "/limit"],
  ["limit=1.5", "/limit"],
  ["limit=1e1", "/limit"],
  ["limit=0x5", "/limit"],
  ["limit=%205", "/limit"],
  ["limit=", "/limit"],
  ["limit=9999999999999999", "/limit"],
  ["limit=5&limit=5", "/limit"],
  ["after=toolong", "/after"],
  ["colour=red", "/colour"],
  ["__proto__=1", "/__proto__"],
])("%s is a fault", (query, path) => {
  expect(read(`http://h/x?${query}`)).toMatchObject({ faults: [{ path }] });
});
