// Parses `--replicas` and names the processes.
import { describe, expect, test } from "bun:test";
import { nameOf, parseReplicas, replicasOf, roleOf } from "./replicas.ts";
import { ROLES } from "./role-env.ts";

test("every role has one process or the given number, and all first processes come before any second", () => {
  const names = replicasOf(parseReplicas("payment=2,relay=3")).map(nameOf);
  expect(names).toEqual([...ROLES, "payment-2", "relay-2", "relay-3"]);
  expect(names.map(roleOf)).toEqual([...ROLES, "payment", "relay", "relay"]);
});

test("the option may be given more than once", () => {
  expect(parseReplicas("gateway=4", parseReplicas("payment=2"))).toEqual({ payment: 2, gateway: 4 });
});

test("a server is not a role, even with a number", () => {
  expect(["kafka-1", "postgres-payment", "mail"].map(roleOf)).toEqual([null, null, null]);
});

describe("rejected:", () => {
  test.each([
    ["payments=2", "there is no role payments: choose from paysim, inventory"],
    ["payment=0", "payment can have 1 to 16 processes, not 0"],
    ["payment=x", "payment can have 1 to 16 processes, not x"],
    ["payment=17", "payment can have 1 to 16 processes, not 17"],
    ["payment=1.5", "processes, not 1.5"],
    ["payment=", "payment can have 1 to 16 processes"],
    ["payment", "it must be role=number"],
    ["payment=2,", "it must be role=number"],
    ["payment=2,payment=3", "payment is given twice"],
    ["paysim=2", "paysim keeps one ledger"],
  ])("%s", (text, sentence) => {
    expect(() => parseReplicas(text)).toThrow(sentence);
  });
});
