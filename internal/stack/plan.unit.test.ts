// What a planned stack tells its roles. Nothing is started.
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type PlanOptions, planStack } from "./plan.ts";
import { deploySettings, operatorEnvironment, roleEnvironment, ROLES } from "./role-env.ts";
import { secretsOf } from "./roles.ts";
import { newSecrets } from "./secrets.ts";
import { DATABASES } from "./state.ts";

const dataDirectory = mkdtempSync(join(tmpdir(), "checkout-plan-test-"));
afterAll(() => rmSync(dataDirectory, { recursive: true }));

async function planned(
  prometheus: PlanOptions["prometheus"],
  certificates?: string,
  {
    standbys = [],
    sentinel = false,
    announced = [],
  }: Partial<Pick<PlanOptions, "standbys" | "sentinel" | "announced">> = {},
) {
  let port = 1_000;
  return planStack({
    dataDirectory,
    ports: { next: () => port++, release: () => {} },
    secrets: await newSecrets(),
    brokers: 1,
    kafkaPasswords: false,
    databases: DATABASES,
    // The binaries need not be built.
    roles: false,
    replicas: {},
    overrides: {},
    routes: {},
    advertised: {},
    prometheus,
    certificates,
    standbys,
    sentinel,
    announced,
  });
}

test("with Prometheus, the console asks the stack's Alertmanager which alerts fire", async () => {
  const { watchers, context } = await planned({});
  const alertmanager = watchers.find(({ name }) => name === "alertmanager")?.address;
  expect(alertmanager).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  expect(roleEnvironment("console", context)["ALERTMANAGER_URL"]).toBe(alertmanager ?? "");
});

test("without it, the console is not told of any", async () => {
  const { watchers, context } = await planned(undefined);
  expect([watchers, Object.keys(roleEnvironment("console", context))]).toEqual([
    [],
    expect.not.arrayContaining(["ALERTMANAGER_URL"]),
  ]);
});

test("in a secure stack each role has its own account in Kafka, and who needs none has none", async () => {
  const { context } = await planned(undefined, "/certificates");
  const accounts = ROLES.map((role) => [role, roleEnvironment(role, context)["KAFKA_CERT_FILE"]]);
  expect(Object.fromEntries(accounts)).toEqual({
    paysim: undefined,
    inventory: "/certificates/inventory.crt",
    payment: "/certificates/payment.crt",
    order: "/certificates/order.crt",
    notification: "/certificates/notification.crt",
    orchestrator: "/certificates/orchestrator.crt",
    relay: "/certificates/relay-{database}.crt",
    gateway: undefined,
    console: "/certificates/console.crt",
  });
  expect(operatorEnvironment(context)).toMatchObject({
    KAFKA_SECURITY_PROTOCOL: "SSL",
    KAFKA_CA_FILE: "/certificates/ca.crt",
    KAFKA_KEY_FILE: "/certificates/operator.key",
  });
  expect(deploySettings(context.addresses).KAFKA_CERT_FILE).toBe("/certificates/deploy.crt");
});

test("otherwise nobody has one", async () => {
  const { context, servers } = await planned(undefined);
  const names = ROLES.flatMap((role) => Object.keys(roleEnvironment(role, context)));
  expect(names.filter((name) => name.startsWith("KAFKA_") && name !== "KAFKA_BROKERS")).toEqual([]);
  expect(servers.length).toBeGreaterThan(0);
});

test("a database with a standby has both servers in every URL, and nothing else changes", async () => {
  const plain = await planned(undefined);
  const { context, servers } = await planned(undefined, undefined, { standbys: ["saga"] });
  const portOf = (name: string) => servers.find((one) => one.name === name)?.ports["postgres"];
  const [first, second] = [portOf("postgres-saga"), portOf("postgres-saga-standby")];
  const url = `postgres://checkout@127.0.0.1:${first},127.0.0.1:${second}/saga?target_session_attrs=primary`;
  expect(context.addresses).toEqual({
    ...plain.context.addresses,
    postgres: { ...plain.context.addresses.postgres, saga: url },
  });
  expect(roleEnvironment("orchestrator", context)["DATABASE_URL"]).toBe(url);
  expect(operatorEnvironment(context)["SAGA_DATABASE_URL"]).toBe(url);
  expect(roleEnvironment("relay", context)["DATABASE_URLS"]).toStartWith(`saga=${url},inventory=postgres://`);
  expect(planned(undefined, undefined, { standbys: ["sagas"] })).rejects.toThrow(
    "there is no database sagas",
  );
});

test("in a secure stack, too, each under its own name", async () => {
  const { context } = await planned(undefined, "/certificates", { standbys: ["saga"] });
  const url = roleEnvironment("orchestrator", context)["DATABASE_URL"];
  expect(url).toMatch(
    /^postgres:\/\/saga_app:[\w-]+@127\.0\.0\.1:\d+,127\.0\.0\.1:\d+\/saga\?sslmode=verify-full&sslrootcert=/,
  );
});

test("with Sentinels, Redis has a replica, the roles are told of the Sentinels, and nothing else moves", async () => {
  const without = await planned(undefined);
  const { servers, addresses, context } = await planned(undefined, undefined, { sentinel: true });
  const names = servers.map(({ name }) => name).filter((name) => /^(redis|sentinel)/.test(name));
  expect(names).toEqual(["redis", "redis-2", "sentinel-1", "sentinel-2", "sentinel-3"]);
  const { redis_sentinels: sentinels = "", ...others } = addresses;
  expect(others).toEqual(without.addresses);
  expect(sentinels).toMatch(/^redis:\/\/127\.0\.0\.1:\d+,127\.0\.0\.1:\d+,127\.0\.0\.1:\d+\/checkout$/);
  for (const role of ["orchestrator", "inventory", "payment", "order", "notification", "gateway"] as const)
    expect(roleEnvironment(role, context)["REDIS_SENTINELS"]).toBe(sentinels);
  expect(operatorEnvironment(context)["REDIS_SENTINELS"]).toBe(sentinels);
  expect(roleEnvironment("gateway", without.context)).not.toHaveProperty("REDIS_SENTINELS");
});

test("the Sentinels and the replica know the master at the port that is announced", async () => {
  await planned(undefined, undefined, { sentinel: true, announced: [7_004, 7_005] });
  const fileOf = (name: string) => readFileSync(join(dataDirectory, `${name}.conf`), "utf8");
  expect(fileOf("redis")).toContain('replica-announce-port "7004"');
  expect(fileOf("redis")).not.toContain("replicaof");
  expect(fileOf("redis-2")).toContain('replica-announce-port "7005"');
  expect(fileOf("redis-2")).toContain("replicaof 127.0.0.1 7004");
  expect(fileOf("sentinel-3")).toContain("sentinel monitor checkout 127.0.0.1 7004 2");
});

test("a command for Kafka leaves the secrets of migrations alone, which run at the same time", async () => {
  const { context } = await planned(undefined);
  const migrating = secretsOf(["migrate"], context);
  migrating.write();
  const file = join(migrating.env["CREDENTIALS_DIRECTORY"] ?? "", "saga_database_url");
  const before = statSync(file, { bigint: true });
  for (const args of [
    ["topics", "create"],
    ["acl", "apply"],
  ])
    secretsOf(args, context).write();
  const after = statSync(file, { bigint: true });
  expect([after.ino, after.mtimeNs]).toEqual([before.ino, before.mtimeNs]);
});
