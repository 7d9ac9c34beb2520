import { expect, test } from "bun:test";
import { namedValues } from "./named-values.ts";

test("a value keeps every = after the first one", () => {
  expect(namedValues("authorization=Basic abc==, x-tenant=a")).toEqual([
    { name: "authorization", value: "Basic abc==" },
    { name: "x-tenant", value: "a" },
  ]);
  expect(namedValues("saga=postgres://u:p@host/saga?sslmode=require&options=-c%20a=b")).toEqual([
    { name: "saga", value: "postgres://u:p@host/saga?sslmode=require&options=-c%20a=b" },
  ]);
});

test("a value may be empty, and what has no = is no pair", () => {
  expect(namedValues("a=,b")).toEqual([{ name: "a", value: "" }]);
  expect(namedValues("")).toEqual([]);
});
