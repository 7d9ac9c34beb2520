import { expect, test } from "bun:test";
import { namedValues, partsOfList } from "./named-values.ts";

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

test("the hosts of one address are not the end of a value", () => {
  const saga = "postgres://u:p@db1,db2.test:5433,[fd00::1]:5432/saga?sslmode=require";
  const order = "postgres://u:p@10.0.0.1:5432,10.0.0.2/order";
  expect(namedValues(`saga=${saga},order=${order},mail=postgres://db1/mail`)).toEqual([
    { name: "saga", value: saga },
    { name: "order", value: order },
    { name: "mail", value: "postgres://db1/mail" },
  ]);
  expect(partsOfList("payment=http://10.0.0.3:9100,payment-2=http://10.0.0.4:9100,relay")).toHaveLength(3);
});
