// `checkoutctl doctor` on real servers: a healthy system, then one broken thing each.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { createServer } from "node:net";
import { join } from "node:path";
import { Value } from "@sinclair/typebox/value";
import { layOut, topicLayout } from "../../internal/operations/topics.ts";
import { registerBuildInfo } from "../../internal/platform/build-info.ts";
import { openAdmin } from "../../internal/platform/kafka/admin.ts";
import { Metrics } from "../../internal/platform/metrics.ts";
import { OpsServer } from "../../internal/platform/ops-http.ts";
import { generateSealingKeys } from "../../internal/platform/seal.ts";
import { Checkoutctl } from "../../internal/testkit/checkoutctl.ts";
import { ConsistentFixture } from "../../internal/testkit/consistent-fixture.ts";
import { cloneDatabase, type TestDatabase } from "../../internal/testkit/database.ts";
import { kafkaBrokers, redisUrl } from "../../internal/testkit/servers.ts";
import { DoctorReport, type Finding } from "../../schemas/doctor.ts";

let tool: Checkoutctl;
let version: string;
let system: ConsistentFixture;
let mails: TestDatabase;
let relay: OpsServer;
let env: Record<string, string>;
beforeAll(async () => {
  tool = await Checkoutctl.open();
  version = (await tool.run(["--version"])).stdout.trim().split(" ")[0] ?? "";
  system = await ConsistentFixture.open();
  mails = await cloneDatabase("notification");
  await using admin = await openAdmin({ brokers: kafkaBrokers(), clientId: "test" });
  await layOut(admin, topicLayout(1));
  relay = opsOf(version);
});
beforeEach(async () => {
  await system.reset();
  for (const sql of Object.values(system.databases))
    for (const table of ["inbox", "outbox"])
      await sql`select ensure_day_partitions(${table}, (now() at time zone 'utc')::date, 3)`;
  env = {
    ...system.databaseUrls,
    NOTIFICATION_DATABASE_URL: mails.url,
    KAFKA_BROKERS: kafkaBrokers(),
    REDIS_URL: redisUrl(),
    OPS_URLS: `relay=http://127.0.0.1:${relay.port}`,
  };
});
afterAll(async () => {
  await relay[Symbol.asyncDispose]();
  await mails[Symbol.asyncDispose]();
  await system[Symbol.asyncDispose]();
  await tool[Symbol.asyncDispose]();
});

function opsOf(built: string): OpsServer {
  const metrics = new Metrics();
  registerBuildInfo(metrics, built);
  return new OpsServer({ hostname: "127.0.0.1", port: 0, metrics });
}

async function doctor(change: Readonly<Record<string, string>> = {}) {
  const { stdout, stderr, code } = await tool.run(["doctor", "--json", "--timeout", "20s"], {
    ...env,
    ...change,
  });
  if (stdout === "") throw new Error(`doctor exited with ${code}: ${stderr}`);
  const report: DoctorReport = JSON.parse(stdout);
  expect([...Value.Errors(DoctorReport, report)]).toEqual([]);
  expect(code).toBe(report.ok ? 0 : 1);
  return report;
}

/** Verdicts of one check, by subject. */
const verdictsOf = ({ findings }: DoctorReport, check: string): Record<string, string> =>
  Object.fromEntries(findings.filter((one) => one.check === check).map((one) => [one.subject, one.verdict]));

function only({ findings }: DoctorReport, check: string, subject: string): Finding | undefined {
  return findings.find((one) => one.check === check && one.subject === subject);
}

test("a healthy system: no problem, exit 0, and what has no address is not checked", async () => {
  const report = await doctor();
  expect(report.findings.filter(({ verdict }) => verdict === "problem")).toEqual([]);
  const five = { saga: "ok", inventory: "ok", payment: "ok", order: "ok", notification: "ok" };
  expect(verdictsOf(report, "postgres")).toEqual(five);
  expect(verdictsOf(report, "migrations")).toEqual(five);
  expect(verdictsOf(report, "clock")).toMatchObject({ ...five, redis: "ok", relay: "ok" });
  expect(verdictsOf(report, "partitions")).toEqual({
    saga: "ok",
    inventory: "ok",
    payment: "ok",
    order: "ok",
  });
  expect(only(report, "kafka", "brokers")?.verdict).toBe("ok");
  expect(verdictsOf(report, "redis")).toEqual({ [new URL(redisUrl()).host]: "ok" });
  expect(verdictsOf(report, "topics")["checkout-commands"]).toBeDefined();
  expect(verdictsOf(report, "roles")).toEqual({ relay: "ok" });
  expect(verdictsOf(report, "versions")).toEqual({ roles: "ok" });
  expect(only(report, "settings", "GATEWAY_URL")?.verdict).toBe("not checked");
  expect(only(report, "disk", "saga")?.says).toContain("the database has");
});

describe("one broken thing", () => {
  test("a database that is away: a problem, and the rest is checked", async () => {
    const report = await doctor({ ORDER_DATABASE_URL: "postgres://nobody:geheim@127.0.0.1:9/order" });
    expect(only(report, "postgres", "order")).toMatchObject({
      verdict: "problem",
      todo: "start it, or correct ORDER_DATABASE_URL",
    });
    expect(only(report, "migrations", "order")?.verdict).toBe("not checked");
    expect(only(report, "outbox", "order")?.verdict).toBe("not checked");
    expect(only(report, "postgres", "saga")?.verdict).toBe("ok");
    expect(only(report, "lag", "checkout-commands")).toBeDefined();
    expect(JSON.stringify(report)).not.toContain("geheim");
  });

  test("a role that is called by a name that it does not serve: a problem, which names the setting", async () => {
    let status = 200;
    const role = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response("", { status }) });
    const settings = { GATEWAY_URL: `http://127.0.0.1:${role.port}` };
    expect(only(await doctor(settings), "http", "GATEWAY_URL")?.verdict).toBe("ok");
    status = 421;
    expect(only(await doctor(settings), "http", "GATEWAY_URL")).toMatchObject({
      verdict: "problem",
      todo: expect.stringContaining("SERVED_NAMES"),
    });
    await role.stop(true);
  });

  test("a server that accepts and never answers costs its own checks only", async () => {
    const silent = createServer(() => undefined).listen(0, "127.0.0.1");
    await new Promise((resolve) => silent.once("listening", resolve));
    const address = silent.address();
    const place = `127.0.0.1:${typeof address === "object" ? address?.port : ""}`;
    const report = await doctor({
      PAYMENT_DATABASE_URL: `postgres://nobody@${place}/payment`,
      ORCHESTRATOR_URL: `http://${place}`,
      REDIS_URL: `redis://${place}`,
    });
    silent.close();
    expect(only(report, "postgres", "payment")?.verdict).toBe("problem");
    expect(only(report, "http", "ORCHESTRATOR_URL")?.verdict).toBe("problem");
    expect(only(report, "redis", place)?.verdict).toBe("problem");
    expect(only(report, "postgres", "inventory")?.verdict).toBe("ok");
  });

  test("Kafka that is away", async () => {
    const report = await doctor({ KAFKA_BROKERS: "127.0.0.1:9" });
    expect(only(report, "kafka", "brokers")).toMatchObject({ verdict: "problem" });
    expect(only(report, "lag", "consumer groups")?.verdict).toBe("not checked");
    expect(only(report, "outbox", "saga")?.verdict).toBe("ok");
  });

  test("a migration that is not applied, and the database of another service", async () => {
    const { order } = system.databases;
    const [last] = await order<{ name: string }[]>`
      delete from schema_migrations where name = (select max(name) from schema_migrations) returning name, checksum, applied_at`;
    const report = await doctor({ SAGA_DATABASE_URL: env["INVENTORY_DATABASE_URL"] ?? "" });
    await order`insert into schema_migrations ${order(last ?? {})}`;
    expect(only(report, "migrations", "order")).toMatchObject({
      verdict: "problem",
      says: `not applied: ${last?.name}`,
      todo: "checkoutctl migrate --database order",
    });
    expect(only(report, "migrations", "saga")).toMatchObject({
      verdict: "problem",
      says: expect.stringContaining("this is the database of inventory"),
    });
  });

  test("a saga that needs an operator, an event that waits for Kafka, a payment without a result", async () => {
    const { saga, inventory, payment } = system.databases;
    await saga`update saga_state set status = 'COMPENSATING', compensation_step = 'charge', completed_at = null,
                 deadline_at = now(), needs_operator = true where saga_id = ${system.refunded.saga_id}`;
    await inventory`update outbox set published = false, published_at = null, created_at = now() - interval '1 minute'`;
    await payment`update payments set status = 'UNKNOWN', next_attempt_at = now(), created_at = now() - interval '1 hour'
                   where payment_id = ${system.completed.payment_id}`;
    const report = await doctor();
    expect(only(report, "sagas", "saga")).toMatchObject({
      verdict: "problem",
      says: "1 saga needs an operator",
    });
    expect(only(report, "outbox", "inventory")).toMatchObject({
      verdict: "problem",
      todo: expect.stringContaining("relay"),
    });
    expect(only(report, "payments", "payment")?.verdict).toBe("warning");
  });

  test("a role that is away, one that is not ready, one of another version", async () => {
    await using older = opsOf("0.0.1");
    older.addCheck("kafka", () => Promise.reject(new Error("no broker")));
    const report = await doctor({
      OPS_URLS: `relay=http://127.0.0.1:9,order=http://127.0.0.1:${older.port}`,
    });
    expect(only(report, "roles", "relay")?.verdict).toBe("problem");
    expect(only(report, "roles", "order")).toMatchObject({
      verdict: "problem",
      says: "not ready: kafka: no broker",
    });
    expect(only(report, "versions", "roles")).toMatchObject({
      verdict: "warning",
      says: `this checkoutctl is ${version}, but: order 0.0.1`,
    });
  });

  test("a certificate that ends soon", async () => {
    const [key, cert] = [join(tool.directory, "key.pem"), join(tool.directory, "cert.pem")];
    const made = Bun.spawnSync(
      [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "5",
        "-subj",
        "/CN=localhost",
        "-keyout",
        key,
        "-out",
        cert,
      ],
      { stdio: ["ignore", "ignore", "pipe"] },
    );
    expect(made.exitCode, String(made.stderr)).toBe(0);
    using shop = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      tls: { key: Bun.file(key), cert: Bun.file(cert) },
      fetch: () => new Response("shop"),
    });
    const report = await doctor({ GATEWAY_URL: `https://127.0.0.1:${shop.port}` });
    expect(only(report, "certificates", "GATEWAY_URL")).toMatchObject({
      verdict: "warning",
      says: expect.stringMatching(/^valid for [45] more days$/),
    });
  });

  test("halves of two different pairs of sealing keys", async () => {
    const [one, other] = [await generateSealingKeys(), await generateSealingKeys()];
    const pair = async (privateJwk: string) =>
      only(
        await doctor({ PAYMENT_PUBLIC_JWK: one.publicJwk, PAYMENT_PRIVATE_JWK: privateJwk }),
        "sealing keys",
        "pair",
      )?.verdict;
    expect(await pair(one.privateJwk)).toBe("ok");
    expect(await pair(other.privateJwk)).toBe("problem");
  });

  test("a malformed setting is a problem by itself", async () => {
    const report = await doctor({ KAFKA_BROKERS: "kafka" });
    expect(report.findings).toMatchObject([{ check: "settings", verdict: "problem" }]);
    expect(report.findings[0]?.says).toContain("KAFKA_BROKERS");
  });
});

test("the text names the problem first, and what to do about it", async () => {
  const { stdout, code } = await tool.run(["doctor"], { ...env, REDIS_URL: "redis://127.0.0.1:9" });
  expect(code).toBe(1);
  expect(stdout).toMatch(/^VERDICT +CHECK +OF +FOUND\nproblem +redis +127.0.0.1:9 +Redis does not answer/);
  expect(stdout).toMatch(/^redis +127.0.0.1:9 +start it, or correct REDIS_URL/m);
  expect(stdout).toMatch(/PROBLEMS FOUND: 1 problems, \d+ warnings, \d+ ok, \d+ not checked\n$/);
});
