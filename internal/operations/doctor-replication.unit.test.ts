// What doctor says about standbys.
import { expect, test } from "bun:test";
import {
  judgeHosts,
  judgeReplication,
  type ReplicationFacts,
  type StandbyFacts,
} from "./doctor-replication.ts";

const standby: StandbyFacts = {
  name: "db2",
  address: "10.0.0.2",
  state: "streaming",
  syncState: "sync",
  behindBytes: 0,
};
const facts = (change: Partial<ReplicationFacts> = {}): ReplicationFacts => ({
  isStandby: false,
  synchronousNames: "db2",
  synchronousCommit: "on",
  user: "saga_audit",
  standbys: [standby],
  ...change,
});
const judged = (change: Partial<ReplicationFacts> = {}) => {
  const { verdict, says } = judgeReplication("saga", facts(change));
  return `${verdict}: ${says}`;
};

test.each([
  [
    {},
    "ok: nothing acknowledged is lost with the primary: standby db2 at 10.0.0.2 is streaming, synchronous, 0.0 MiB behind",
  ],
  [{ standbys: [{ ...standby, syncState: "quorum" }] }, "ok: nothing acknowledged is lost"],
  [{ synchronousCommit: "remote_apply" }, "ok: nothing acknowledged is lost"],
  [{ standbys: [], synchronousNames: "" }, "warning: no standby streams from it"],
  [
    { synchronousNames: "", standbys: [{ ...standby, syncState: "async" }] },
    "warning: an acknowledged checkout may be lost with the primary: no standby is synchronous",
  ],
  [
    { synchronousCommit: "local" },
    "warning: an acknowledged checkout may be lost with the primary: synchronous_commit is local for saga_audit",
  ],
  [{ standbys: [] }, "problem: every commit waits forever: synchronous_standby_names is db2"],
  [{ standbys: [{ ...standby, syncState: "async" }] }, "problem: every commit waits forever"],
  [{ standbys: [{ ...standby, state: "catchup" }] }, "problem: every commit waits forever"],
  [
    { standbys: [{ ...standby, behindBytes: 2 ** 30 }] },
    "warning: nothing acknowledged is lost with the primary, but standby db2",
  ],
  [
    { standbys: [{ name: "db2", address: null, state: null, syncState: null, behindBytes: null }] },
    "not checked: saga_audit may not see",
  ],
  [
    {
      synchronousNames: "",
      standbys: [{ name: null, address: null, state: null, syncState: null, behindBytes: null }],
    },
    "warning: an acknowledged checkout may be lost with the primary: no standby is synchronous",
  ],
  [{ isStandby: true, standbys: [] }, "not checked: only a primary"],
] as const)("replication with %p", (change, says) => {
  expect(judged(change)).toStartWith(says);
});

const primary = (name: string, server = "a", { timeline = 2, system = "1" } = {}) =>
  ({ name, state: { kind: "primary", system, server, timeline } }) as const;
const other = { name: "db2:5432", state: { kind: "standby" } } as const;
const gone = { name: "db2:5432", state: { kind: "away", why: "ECONNREFUSED" } } as const;

test.each([
  [[primary("db1:5432"), other], "ok", "db1:5432 is the primary (timeline 2); db2:5432 is a standby"],
  [[primary("db1:5432"), primary("vip:5432")], "ok", "db1:5432 is the primary"],
  [[primary("db1:5432"), gone], "warning", "db2:5432 does not answer (ECONNREFUSED)"],
  [[other, gone], "problem", "no primary: db2:5432 is a standby"],
  [[primary("db1:5432"), primary("db2:5432", "b")], "problem", "more than one primary"],
] as const)("hosts %#", (hosts, verdict, says) => {
  const found = judgeHosts("saga", hosts);
  expect(found.verdict).toBe(verdict);
  expect(found.says).toContain(says);
});

test.each([
  [{ timeline: 3 }, "stop the one with the lower timeline"],
  // Both were promoted from the same one, so the timeline does not tell them apart.
  [{ timeline: 2 }, "neither is the later one, so the roles open no connection to either"],
  // Nobody was replaced: a host of another database must not be stopped.
  [{ timeline: 3, system: "2" }, "correct the address"],
])("of two primaries, the second with %p, it says what to do", (second, todo) => {
  const found = judgeHosts("saga", [primary("db1:5432"), primary("db2:5432", "b", second)]);
  expect(found.verdict).toBe("problem");
  expect(found.todo).toStartWith(todo);
});
