// Routes change only the addresses they name.
import { expect, test } from "bun:test";
import { routed } from "./routes.ts";
import type { StackAddresses } from "./state.ts";

const ADDRESSES: StackAddresses = {
  postgres: {
    saga: "postgres://checkout@127.0.0.1:1001/saga",
    order: "postgres://checkout@127.0.0.1:1002/order",
  },
  kafka_brokers: "127.0.0.1:1003",
  redis: "redis://127.0.0.1:1004",
  smtp: "smtp://127.0.0.1:1005",
  mail: "http://127.0.0.1:1006",
  gateway: "http://127.0.0.1:1007",
  console: "http://127.0.0.1:9",
  orchestrator: "http://127.0.0.1:1008",
  inventory: "http://127.0.0.1:1009",
  order: "http://127.0.0.1:1012",
  payment: "http://127.0.0.1:1011",
  payment_internal: "",
  paysim: "http://127.0.0.1:1010",
  ledger_file: "/data/ledger.jsonl",
  secrets_file: "/data/secrets.json",
  replicas: {},
  ops: {},
};

test("a route changes the port of its target and nothing else", () => {
  expect(routed(ADDRESSES, { "postgres-order": 7, redis: 8, mail: 9, orchestrator: 10 })).toEqual({
    ...ADDRESSES,
    postgres: { ...ADDRESSES.postgres, order: "postgres://checkout@127.0.0.1:7/order" },
    redis: "redis://127.0.0.1:8",
    smtp: "smtp://127.0.0.1:9",
    orchestrator: "http://127.0.0.1:10",
  });
});

test("of a database with a standby a route leads to the first server", () => {
  const saga = "postgres://checkout:a:1@127.0.0.1:1001,127.0.0.1:1002/saga?target_session_attrs=primary";
  const routes = routed({ ...ADDRESSES, postgres: { saga } }, { "postgres-saga": 7 });
  expect(routes.postgres["saga"]).toBe(saga.replace("1001", "7"));
});

test("a route to an unknown target throws", () => {
  expect(() => routed(ADDRESSES, { "postgres-orders": 7 })).toThrow("no route can lead to postgres-orders");
});
