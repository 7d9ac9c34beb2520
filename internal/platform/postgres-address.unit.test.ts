// Hosts in the URL of a database.
import { expect, test } from "bun:test";
import { firstUrlOf, hostsOf, isPostgresUrl, placeOf, urlOf } from "./postgres-address.ts";
import { textOf } from "./server-place.ts";

test.each([
  ["postgres://u:p@db1:1,db2:2/d", ["db1:1", "db2:2"]],
  ["postgresql://db1,db2:6000/d?sslmode=require", ["db1:5432", "db2:6000"]],
  ["postgres://u:a@b@10.0.0.1,[fd00::1]:7/d", ["10.0.0.1:5432", "[fd00::1]:7"]],
  ["postgres://db1:1,db1:1/d", ["db1:1"]],
  ["postgres://DB1,db1:5432,db1.,db2/d", ["DB1:5432", "db2:5432"]],
  ["postgres://localhost,127.0.0.1:5432,[::1],[0::1]:5432/d", ["localhost:5432", "[::1]:5432"]],
  ["postgres://db1:0,db2/d", []],
  ["postgres://db1,/d", []],
  ["postgres://db1 ,db2/d", []],
  ["http://db1,db2/d", []],
  ["postgres://u:p@%DBHOST%:5432/d", []],
  ["postgres://u:p@db1,db%zz/d", []],
] as const)("%s leads to %p", (url, hosts) => {
  expect(hostsOf(url).map(textOf)).toEqual([...hosts]);
});

test("the URL of one host has everything else of the whole", () => {
  const url = "postgres://u:p%40@db1:1,[fd00::1]/d?sslmode=verify-full&x=a,b";
  expect(hostsOf(url).map((host) => urlOf(url, host))).toEqual([
    "postgres://u:p%40@db1:1/d?sslmode=verify-full&x=a,b",
    "postgres://u:p%40@[fd00::1]:5432/d?sslmode=verify-full&x=a,b",
  ]);
});

test("the driver gets one host, also where all are the same", () => {
  expect(firstUrlOf("postgres://u@db1,DB1:5432/d")).toBe("postgres://u@db1:5432/d");
  expect(firstUrlOf("postgres://u@db1:1,db2/d")).toBe("postgres://u@db1:1/d");
  expect(firstUrlOf("postgres://u@DB1/d?x=a,b")).toBe("postgres://u@DB1/d?x=a,b");
});

test("a place has no credentials", () => {
  expect(placeOf("postgres://u:p@db1:1,db2/d?sslcert=x")).toBe("db1:1,db2/d");
  expect(placeOf("postgres://db1/d")).toBe("db1/d");
});

test.each(["postgres://db1", "postgres://db1,db2", "postgres://db1/", "postgres:///d", "postgres://db1/d,e"])(
  "%s names no database",
  (text) => expect(isPostgresUrl(text)).toBe(false),
);

test("several hosts are an address like one", () => {
  expect(isPostgresUrl("postgres://u@db1/d")).toBe(true);
  expect(isPostgresUrl("postgres://u@db1:5432,db2:5432/d?sslmode=require")).toBe(true);
});
