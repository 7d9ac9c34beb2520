// The names of the databases decide what each outbox may send.
import { expect, test } from "bun:test";
import { databasesOf, faultsOf } from "./config.ts";

test("the databases by their names", () => {
  expect(databasesOf({ DATABASE_URLS: "saga=postgres://h/a,order=postgres://h/b" })).toEqual([
    { name: "saga", url: "postgres://h/a" },
    { name: "order", url: "postgres://h/b" },
  ]);
});

test("a name that says nothing about what may be sent is a fault, which does not show the address", () => {
  const faults = faultsOf({ DATABASE_URLS: "saga=postgres://h/a,stock=postgres://u:secret@h/b" });
  expect(faults).toEqual(['DATABASE_URLS names the database "stock": use saga, inventory, payment, order']);
  expect(faultsOf({ DATABASE_URLS: "saga=postgres://h/a" })).toEqual([]);
});
