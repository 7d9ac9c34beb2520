// The names of the databases, which decide what each outbox may send, and the accounts: one for each database, or one for all.
import { expect, test } from "bun:test";
import { parseConfig } from "../../internal/platform/config.ts";
import { accountOf, config, databasesOf, faultsOf, hasAccounts } from "./config.ts";

test("a database may have several hosts, and the list still has one entry for it", () => {
  const saga = "postgres://u:p@db1:5432,db2:5432/a?sslmode=verify-full";
  expect(databasesOf({ DATABASE_URLS: `saga=${saga},order=postgres://db1,db2/b` })).toEqual([
    { name: "saga", url: saga },
    { name: "order", url: "postgres://db1,db2/b" },
  ]);
  expect(faultsOf({ DATABASE_URLS: `saga=${saga},stock=postgres://db1,db2/b` })).toHaveLength(1);
});

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

const configOf = (env: Readonly<Record<string, string>>) =>
  parseConfig("relay", config, {
    KAFKA_BROKERS: "127.0.0.1:1",
    DATABASE_URLS: "saga=postgres://h/a,order=postgres://h/b",
    ...env,
  });

test("{database} stands for the name of each database", () => {
  const env = configOf({
    KAFKA_SECURITY_PROTOCOL: "SSL",
    KAFKA_CA_FILE: "/etc/ca.crt",
    KAFKA_CERT_FILE: "/etc/relay-{database}.crt",
    KAFKA_KEY_FILE: "/etc/{database}/relay-{database}.key",
  });
  expect(hasAccounts(env)).toBe(true);
  expect(accountOf(env, "order")).toMatchObject({
    KAFKA_BROKERS: "127.0.0.1:1",
    KAFKA_SECURITY_PROTOCOL: "SSL",
    KAFKA_CA_FILE: "/etc/ca.crt",
    KAFKA_CERT_FILE: "/etc/relay-order.crt",
    KAFKA_KEY_FILE: "/etc/order/relay-order.key",
  });
  const users = configOf({ KAFKA_USERNAME: "relay-{database}", KAFKA_PASSWORD_FILE: "/run/{database}" });
  expect(accountOf(users, "saga")).toMatchObject({
    KAFKA_USERNAME: "relay-saga",
    KAFKA_PASSWORD_FILE: "/run/saga",
  });
});

test("without it all databases share the account", () => {
  const env = configOf({ KAFKA_USERNAME: "relay" });
  expect(hasAccounts(env)).toBe(false);
  expect(accountOf(env, "order")).toEqual(env);
});
