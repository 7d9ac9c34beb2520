// Under which names the roles of a stack with `--secure` come to Postgres and Redis.
import { expect, test } from "bun:test";
import { DATABASE_ROLES, roleName } from "../../../schemas/database-grants.ts";
import { MIGRATED_DATABASES } from "../../../schemas/migrations.ts";
import {
  REDIS_USERS,
  redisUserName,
  SENTINEL_USERS,
  sentinelUserName,
} from "../../../schemas/redis-users.ts";
import { tlsOf } from "../../platform/postgres-tls.ts";
import { NO_ADDRESSES } from "../../testkit/role-settings.ts";
import { operatorEnvironment, ROLES, roleEnvironment } from "../role-env.ts";
import { routed } from "../routes.ts";
import { newSecrets } from "../secrets.ts";
import type { StackAddresses } from "../state.ts";
import { passwordOf } from "./accounts.ts";

const secrets = await newSecrets();
const addresses: StackAddresses = {
  ...NO_ADDRESSES,
  postgres: Object.fromEntries(
    MIGRATED_DATABASES.map((name, index) => [
      name,
      `postgres://checkout:root@127.0.0.1:${5_000 + index}/${name}?sslmode=require`,
    ]),
  ),
  redis: "rediss://checkout:root@127.0.0.1:6000?ssl_ca_certs=%2Fdata%2Fca.crt",
  certificates: "/data",
  kafka_brokers: "127.0.0.1:9092",
};

const watched = {
  ...addresses,
  redis_sentinels:
    "rediss://checkout-admin:root@127.0.0.1:6001,127.0.0.1:6002/checkout?ssl_ca_certs=%2Fdata%2Fca.crt",
};

function usersOf(role: (typeof ROLES)[number], found = addresses): readonly string[] {
  const values = Object.values(roleEnvironment(role, { addresses: found, secrets }));
  const urls = values.flatMap((value) => value.match(/(?:postgres|rediss):\/\/[^,]*/g) ?? []);
  return urls.map((url) => new URL(url).username);
}

test.each([
  ["orchestrator", ["checkout-orchestrator", "saga_app"]],
  ["payment", ["checkout-payment", "payment_app"]],
  ["notification", ["checkout-notification", "notification_app"]],
  ["gateway", ["checkout-gateway"]],
  ["relay", ["saga_relay", "inventory_relay", "payment_relay", "order_relay"]],
  ["console", MIGRATED_DATABASES.map((name) => `${name}_console`)],
  ["paysim", []],
] as const)("%s comes under its own names only", (role, users) => {
  expect(usersOf(role)).toEqual([...users]);
});

test("every connection checks the server, also through a proxy, and nobody has the superuser's password", () => {
  for (const role of ROLES)
    expect(JSON.stringify(roleEnvironment(role, { addresses, secrets }))).not.toContain("root@");
  const through = routed(addresses, { redis: 7_000, "postgres-order": 7_001 });
  const { DATABASE_URL = "", REDIS_URL = "" } = roleEnvironment("order", { addresses: through, secrets });
  expect([new URL(DATABASE_URL).port, new URL(REDIS_URL).port]).toEqual(["7001", "7000"]);
  expect(new URL(DATABASE_URL).search).toBe("?sslmode=verify-full&sslrootcert=%2Fdata%2Fca.crt");
  expect(new URL(REDIS_URL).searchParams.get("ssl_ca_certs")).toBe("/data/ca.crt");
  expect(() => tlsOf(DATABASE_URL)).toThrow("/data/ca.crt cannot be read");
});

test("with Sentinels a role comes to them under the name of their clients, and through a proxy it does not follow them", () => {
  const { REDIS_URL = "", REDIS_SENTINELS } = roleEnvironment("gateway", { addresses: watched, secrets });
  const password = passwordOf(secrets, "checkout-sentinel-client");
  expect(REDIS_SENTINELS).toBe(
    `rediss://checkout-sentinel-client:${password}@127.0.0.1:6001,127.0.0.1:6002/checkout?ssl_ca_certs=%2Fdata%2Fca.crt`,
  );
  expect(new URL(REDIS_URL).username).toBe("checkout-gateway");
  expect(operatorEnvironment({ addresses: watched, secrets })["REDIS_SENTINELS"]).toBe(REDIS_SENTINELS ?? "");
  const through = routed(watched, { redis: 7_000 });
  expect(roleEnvironment("gateway", { addresses: through, secrets })).not.toHaveProperty("REDIS_SENTINELS");
  const { certificates: _, ...open } = { ...watched, redis_sentinels: "redis://127.0.0.1:6001/checkout" };
  expect(roleEnvironment("order", { addresses: open, secrets })["REDIS_SENTINELS"]).toBe(
    open.redis_sentinels,
  );
});

test("no two accounts share a password", () => {
  const names = [
    ...SENTINEL_USERS.map(sentinelUserName),
    ...MIGRATED_DATABASES.flatMap((name) => DATABASE_ROLES.map((role) => roleName(name, role))),
    ...REDIS_USERS.map(redisUserName),
  ];
  expect(new Set(names.map((name) => passwordOf(secrets, name))).size).toBe(names.length);
});
