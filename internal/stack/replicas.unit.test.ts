// `--replicas` as it is written, and the names that come of it.
import { describe, expect, test } from "bun:test";
import { nameOf, parseReplicas, replicasOf, roleOf } from "./replicas.ts";
import { ROLES } from "./role-env.ts";

test("each role is there once, and the wanted ones more often, the first of all before the second of any", () => {
  const names = replicasOf(parseReplicas("payment=2,relay=3")).map(nameOf);
  expect(names).toEqual([...ROLES, "payment-2", "relay-2", "relay-3"]);
  expect(names.map(roleOf)).toEqual([...ROLES, "payment", "relay", "relay"]);
});

test("the option may be given more than once", () => {
  expect(parseReplicas("gateway=4", parseReplicas("payment=2"))).toEqual({ payment: 2, gateway: 4 });
});

test("a server is no role, whatever number it has", () => {
  expect(["kafka-1", "postgres-payment", "mail"].map(roleOf)).toEqual([null, null, null]);
});

describe("refused:", () => {
  test.each([
    ["payments=2", "there is no role payments: it is one of paysim, inventory"],
    ["payment=0", "payment has from 1 to 16 processes, and not 0"],
    ["payment=x", "payment has from 1 to 16 processes, and not x"],
    ["payment=17", "payment has from 1 to 16 processes, and not 17"],
    ["payment=1.5", "and not 1.5"],
    ["payment=", "payment has from 1 to 16 processes"],
    ["payment", "it has the form role=number"],
    ["payment=2,", "it has the form role=number"],
    ["payment=2,payment=3", "payment is said twice"],
    ["paysim=2", "paysim keeps one ledger"],
  ])("%s", (text, sentence) => {
    expect(() => parseReplicas(text)).toThrow(sentence);
  });
});
