// checkoutctl as a process: exit codes, errors and output. Commands for sagas and dead letters are in operators.int.test.ts.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { migrations } from "../../schemas/migrations.ts";
import { decodeJwt, jwtVerify } from "jose";
import type { AuditReport } from "../../internal/audit/audit.ts";
import { shopCurrencies } from "../../internal/kernel/shop-currencies.ts";
import type { SagaStory } from "../../internal/operations/saga-story.ts";
import { serveHttp } from "../../internal/platform/serve-http.ts";
import { catalogueApi } from "../../internal/services/inventory/catalogue-http.ts";
import { Checkoutctl, type Environment } from "../../internal/testkit/checkoutctl.ts";
import { cloneDatabase, type TestDatabase } from "../../internal/testkit/database.ts";
import { waitUntil } from "../../internal/stack/wait.ts";
import { openAdmin } from "../../internal/platform/kafka/admin.ts";
import { TOPIC_RETENTION_MS, TOPICS } from "../../schemas/topics.ts";
import { kafkaBrokers } from "../../internal/testkit/servers.ts";
import { ConsistentFixture } from "../../internal/testkit/consistent-fixture.ts";
import { accessTo } from "../../internal/testkit/callers.ts";
import { noLog } from "../../internal/testkit/noop-telemetry.ts";

let tool: Checkoutctl;
beforeAll(async () => {
  tool = await Checkoutctl.open();
});
afterAll(() => tool[Symbol.asyncDispose]());

const checkoutctl = (args: readonly string[], env?: Environment) => tool.run(args, env);
const json = <T>(args: readonly string[], env?: Environment) => tool.json<T>(args, env);

describe("exit codes and error messages", () => {
  const nobody = "127.0.0.1:9";
  const cases: readonly (readonly [args: string, env: Environment, code: number, complaint: string])[] = [
    ["frobnicate", {}, 2, "unknown command 'frobnicate'"],
    ["migrate --database sagas", {}, 2, "Allowed choices are saga, inventory, payment, order"],
    ["saga show 7", {}, 2, "It must be a UUID in lower case."],
    ["catalogue load", {}, 2, "give either a file or --demo"],
    [
      `saga cancel ${"0".repeat(8)}-0000-7000-8000-${"0".repeat(12)}`,
      {},
      2,
      "required option '--reason <text>' not specified",
    ],
    ["token --ttl soon", {}, 2, "It must be a duration such as 90s, 15m, 8h or 30d."],
    ["migrate", {}, 78, "SAGA_DATABASE_URL (the database of the orchestrator) is not set"],
    ["migrate", { SAGA_DATABASE_URL: "mysql://x/y" }, 78, "SAGA_DATABASE_URL is not valid"],
    ["migrate --stack", {}, 78, "no stack is up in"],
    ["catalogue load none.json", {}, 78, "there is no file none.json"],
    [
      "saga ls",
      { SAGA_DATABASE_URL: `postgres://user:geheim@${nobody}/saga` },
      4,
      `the saga database does not answer at ${nobody}/saga`,
    ],
    [
      "catalogue ls",
      { INVENTORY_URL: `http://${nobody}` },
      4,
      `inventory does not answer at http://${nobody}`,
    ],
    [
      "catalogue ls",
      { INVENTORY_URL: `http://${nobody}`, OPERATOR_TOKEN: "", OPERATOR_TOKEN_FILE: "/nowhere/token" },
      78,
      "OPERATOR_TOKEN_FILE=/nowhere/token is not readable: there is no such file",
    ],
  ];
  for (const [args, env, code, complaint] of cases) {
    test(`${args} ${Object.keys(env).join(" ")}: ${code}`, async () => {
      const result = await checkoutctl(args.split(" "), env);
      expect(result.stderr).toContain(complaint);
      expect(result.code).toBe(code);
      expect(result.stdout).toBe("");
      expect(result.stderr).not.toContain("geheim");
      expect(result.stderr).not.toMatch(/^\s+at /m);
    });
  }

  test("--help exits 0", async () => {
    const { stdout, code } = await checkoutctl(["--help"]);
    expect(code).toBe(0);
    expect(stdout).toContain("KAFKA_BROKERS");
  });
});

describe("migrate", () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await cloneDatabase("order");
    await database.sql`drop schema public cascade`;
    await database.sql`create schema public`;
  });
  afterAll(() => database[Symbol.asyncDispose]());

  test("lists pending migrations, applies them, and a second run applies none", async () => {
    const env = { ORDER_DATABASE_URL: database.url };
    const migrate = ["migrate", "--database", "order"];
    const all = [{ database: "order", migrations: migrations.order.map(({ name }) => name) }];
    expect(await json([...migrate, "--dry-run"], env)).toEqual({ dry_run: true, databases: all });
    expect(await json(migrate, env)).toEqual({ dry_run: false, databases: all });
    expect(await json(migrate, env)).toEqual({
      dry_run: false,
      databases: [{ database: "order", migrations: [] }],
    });
  });

  test("refuses the database of another service, like every other command", async () => {
    const env = { SAGA_DATABASE_URL: database.url };
    const refused = await checkoutctl(["migrate", "--database", "saga"], env);
    expect(refused.code).toBe(3);
    expect(refused.stderr).toContain("this is the database of order, not of saga");
    const listed = await checkoutctl(["saga", "ls"], env);
    expect(listed.code).toBe(78);
    expect(listed.stderr).toContain("SAGA_DATABASE_URL points to the database of order");
  });

  test("is named in the error of other commands when there are no tables", async () => {
    await using empty = await cloneDatabase("saga");
    await empty.sql.unsafe("drop schema public cascade; create schema public");
    const { code, stderr } = await checkoutctl(["saga", "ls"], { SAGA_DATABASE_URL: empty.url });
    expect(code).toBe(78);
    expect(stderr).toContain("has no tables: run checkoutctl migrate");
  });
});

describe("a local stack that is up", () => {
  const SECRET = "s".repeat(48);
  let stack: Checkoutctl;
  beforeAll(async () => {
    stack = await Checkoutctl.open();
    const secrets_file = join(stack.directory, "secrets.json");
    await Bun.write(secrets_file, JSON.stringify({ jwt_hs256_secret: SECRET }));
    const postgres = { saga: "postgres://nobody@127.0.0.1:9/saga" };
    const addresses = { postgres, secrets_file, ledger_file: join(stack.directory, "ledger.jsonl") };
    await Bun.write(join(stack.directory, "state.json"), JSON.stringify({ phase: "ready", addresses }));
  });
  afterAll(() => stack[Symbol.asyncDispose]());
  const token = ["token", "--user", Bun.randomUUIDv7()];

  test("is used when the environment has no settings, and stderr says so", async () => {
    const { code, stderr } = await stack.run(token, { TRUSTED_CALLERS_JWKS: "" });
    expect(stderr).toContain(`all come from the local stack in ${stack.directory}`);
    expect(code).toBe(0);
  });

  test("is used with a warning when the only setting is misspelt: it was meant for another system", async () => {
    const env = { TRUSTED_CALLERS_JWKS: "", JWT_HS256_SECRTE: "x".repeat(48) };
    const { stderr } = await stack.run(token, env);
    expect(stderr).toContain("JWT_HS256_SECRTE is not a setting of any role: rename it to JWT_HS256_SECRET");
    expect(stderr).toContain(`all come from the local stack in ${stack.directory}`);
  });

  test("does not fill gaps in the environment", async () => {
    const { code, stderr, stdout } = await stack.run(token, { KAFKA_BROKERS: "kafka.example:9092" });
    expect(stderr).toContain("JWT_HS256_SECRET (the gateway's secret for development tokens) is not set");
    expect(stderr).toContain("use --stack");
    expect([code, stdout]).toEqual([78, ""]);
  });

  test("is the only source of settings with --stack", async () => {
    const env = { JWT_HS256_SECRET: "x".repeat(48), SAGA_DATABASE_URL: "mysql://x/y" };
    const { stdout, stderr } = await stack.run([...token, "--stack"], env);
    await jwtVerify(stdout.trim(), new TextEncoder().encode(SECRET));
    expect(stderr).toBe("");
  });
});

test("token mints a token that the gateway accepts", async () => {
  const user = Bun.randomUUIDv7();
  const secret = "s".repeat(48);
  const { stdout } = await checkoutctl(["token", "--user", user, "--ttl", "15m"], {
    JWT_HS256_SECRET: secret,
  });
  const { payload } = await jwtVerify(stdout.trim(), new TextEncoder().encode(secret));
  expect(payload.sub).toBe(user);
  expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(900);
});

test("keys generate makes a pair, and only the private key can open", async () => {
  const keys = await json<Record<string, string>>(["keys", "generate"]);
  expect(JSON.parse(keys["PAYMENT_PRIVATE_JWK"] ?? "")).toHaveProperty("d");
  expect(JSON.parse(keys["PAYMENT_PUBLIC_JWK"] ?? "")).not.toHaveProperty("d");
});

test("keys rotate makes a new pair and keeps the old private key", async () => {
  const generated = await json<Record<string, string>>(["keys", "generate"]);
  const older = generated["PAYMENT_PRIVATE_JWK"] ?? "";
  const rotated = await json<Record<string, string>>(["keys", "rotate"], { PAYMENT_PRIVATE_JWK: older });
  const kidOf = (text = "") => JSON.parse(text).kid;
  const { keys } = JSON.parse(rotated["PAYMENT_PRIVATE_JWK"] ?? "");
  expect(keys).toMatchObject([{ kid: kidOf(rotated["PAYMENT_PUBLIC_JWK"]) }, { kid: kidOf(older) }]);
  expect(kidOf(rotated["PAYMENT_PUBLIC_JWK"])).not.toBe(kidOf(older));
  const lost = await checkoutctl(["keys", "rotate"]);
  expect([lost.code, lost.stderr]).toEqual([78, expect.stringContaining("PAYMENT_PRIVATE_JWK is missing")]);
  const wrongHalf = { PAYMENT_PRIVATE_JWK: generated["PAYMENT_PUBLIC_JWK"] ?? "" };
  expect((await checkoutctl(["keys", "rotate"], wrongHalf)).code).toBe(78);
});

test("keys caller makes a pair, and adds it to the keys that are trusted already", async () => {
  const gateway = await json<Record<string, string>>(["keys", "caller", "--kind", "service"], {
    TRUSTED_CALLERS_JWKS: "",
  });
  const first = gateway["TRUSTED_CALLERS_JWKS"] ?? "";
  expect(JSON.parse(first)).toMatchObject({ keys: [{ issuer: "gateway", kind: "service" }] });
  expect(first).not.toContain('"d"');
  expect(JSON.parse(gateway["GATEWAY_PRIVATE_JWK"] ?? "")).toHaveProperty("d");
  const both = await json<Record<string, string>>(["keys", "caller", "--kind", "operators"], {
    TRUSTED_CALLERS_JWKS: first,
  });
  expect(JSON.parse(both["TRUSTED_CALLERS_JWKS"] ?? "")).toMatchObject({
    keys: [{ issuer: "gateway" }, { issuer: "operators", kind: "operators" }],
  });
  const reader = await json<Record<string, string>>(["keys", "caller", "--kind", "reader"], {
    TRUSTED_CALLERS_JWKS: first,
  });
  expect(JSON.parse(reader["NOTIFICATION_PRIVATE_JWK"] ?? "")).toMatchObject({
    issuer: "notification",
    kind: "reader",
  });
  expect(JSON.parse(reader["TRUSTED_CALLERS_JWKS"] ?? "")).toMatchObject({
    keys: [{ issuer: "gateway" }, { issuer: "notification", kind: "reader" }],
  });
  const settings = { OPERATORS_PRIVATE_JWK: both["OPERATORS_PRIVATE_JWK"] ?? "" };
  const mint = ["token", "--operator", "ada", "--role", "viewer", "--ttl", "15m"];
  const { stdout } = await checkoutctl(mint, settings);
  expect(decodeJwt(stdout)).toMatchObject({ iss: "operators", sub: "ada", role: "viewer" });
  // The file for the new token, which is not there yet, is no reason to refuse it.
  const goneToken = { OPERATOR_TOKEN: "", OPERATOR_TOKEN_FILE: "/nowhere/token" };
  expect((await checkoutctl(mint, { ...settings, ...goneToken })).code).toBe(0);
  expect((await checkoutctl([...mint.slice(0, 2), "shopper"], settings)).code).toBe(2);
  expect((await checkoutctl([...mint.slice(0, 3), "--ttl", "25h"], settings)).code).toBe(2);
  const wrongKey = { OPERATORS_PRIVATE_JWK: gateway["GATEWAY_PRIVATE_JWK"] ?? "" };
  expect((await checkoutctl(mint, wrongKey)).code).toBe(78);
  const wrongSet = { TRUSTED_CALLERS_JWKS: gateway["GATEWAY_PRIVATE_JWK"] ?? "" };
  expect((await checkoutctl(["keys", "caller", "--kind", "service"], wrongSet)).code).toBe(78);
});

describe("with a system", () => {
  let system: ConsistentFixture;
  let databases: Environment;
  beforeAll(async () => {
    system = await ConsistentFixture.open();
    await system.reset();
    databases = system.databaseUrls;
  });
  afterAll(() => system[Symbol.asyncDispose]());

  test("saga ls --stuck says that no saga is stuck", async () => {
    expect((await checkoutctl(["saga", "ls", "--stuck"], databases)).stdout).toBe("no saga is stuck\n");
    expect(await json<unknown[]>(["saga", "ls", "--stuck", "1h"], databases)).toEqual([]);
  });

  test("saga ls and saga show print the outcome of a checkout", async () => {
    const { saga_id } = system.refunded;
    const listed = await json<{ saga_id: string }[]>(["saga", "ls", "--status", "COMPENSATED"], databases);
    expect(listed.map((saga) => saga.saga_id)).toContainValues([saga_id, system.refused.saga_id]);
    const story = await json<SagaStory>(["saga", "show", saga_id], databases);
    expect(story.money.map(({ kind, status }) => `${kind} ${status}`)).toEqual([
      "payment REFUNDED",
      "refund SUCCEEDED",
    ]);
    expect(story.timeline.some(({ who, what }) => who === "inventory" && what.includes("3 x mug"))).toBe(
      true,
    );
  });

  test("saga show takes the id of an order, too; the first line has one status", async () => {
    const { saga_id, order_id } = system.completed;
    const { code, stdout, stderr } = await checkoutctl(["saga", "show", order_id], databases);
    expect([code, stderr]).toEqual([
      0,
      `checkoutctl: ${order_id} is an order; this is its saga, ${saga_id}\n`,
    ]);
    expect(stdout).toMatch(new RegExp(`^saga +${saga_id}$`, "m"));
    expect(stdout).toMatch(/ saga +STARTED, reserve, by Test$/m);
    expect(stdout).toMatch(/ saga +STARTED -> INVENTORY_RESERVED, reserve, by Test$/m);
    expect(stdout).toMatch(/ inventory +reserved 2 x mug$/m);
  });

  test("saga show tells what it knows without a database that does not answer, and names it", async () => {
    const { saga_id } = system.completed;
    const away = { ...databases, PAYMENT_DATABASE_URL: "postgres://127.0.0.1:9/payment" };
    const { code, stdout, stderr } = await checkoutctl(["saga", "show", saga_id], away);
    expect([code, stderr]).toEqual([
      0,
      expect.stringMatching(/^checkoutctl: not looked at: payment: .*does not answer at 127\.0\.0\.1:9/),
    ]);
    expect(stdout).toMatch(/ inventory +reserved 2 x mug$/m);
    const story = await json<SagaStory>(["saga", "show", saga_id], away);
    expect(story).toMatchObject({ missing: [{ database: "payment" }], money: [] });
    const found = await checkoutctl(["find", saga_id], away);
    expect([found.code, found.stderr]).toEqual([
      0,
      expect.stringMatching(/^checkoutctl: not looked at: payment: .*does not answer at 127\.0\.0\.1:9/),
    ]);
  });

  test("saga ls takes a status in lower case", async () => {
    const listed = await json<{ saga_id: string }[]>(["saga", "ls", "--status", "completed"], databases);
    expect(listed.map((saga) => saga.saga_id)).toEqual([system.completed.saga_id]);
  });

  test("saga show refuses an unknown saga", async () => {
    const { code, stderr } = await checkoutctl(["saga", "show", Bun.randomUUIDv7()], databases);
    expect(code).toBe(3);
    expect(stderr).toContain("there is no saga");
  });

  test("topics create can be repeated; audit names the violations and exits 3", async () => {
    const env = { ...databases, KAFKA_BROKERS: kafkaBrokers(), LEDGER_FILE: join(tool.directory, "ledger") };
    await Bun.write(env.LEDGER_FILE, system.ledger.map((entry) => `${JSON.stringify(entry)}\n`).join(""));
    const promised = Bun.randomUUIDv7();
    const journal = join(tool.directory, "journal");
    await Bun.write(journal, `${JSON.stringify({ saga_id: promised })}\n`);

    expect((await checkoutctl(["topics", "create"], env)).code).toBe(0);
    expect((await checkoutctl(["topics", "create"], env)).stdout).not.toContain("created");
    expect((await checkoutctl(["topics", "ls"], env)).stdout).toContain("checkout-dlq");

    await using admin = await openAdmin({ brokers: kafkaBrokers(), clientId: "test" });
    const retention = { topic: TOPICS.orderEvents, name: "retention.ms", value: String(TOPIC_RETENTION_MS) };
    // The controller answers before the broker has the new value.
    const set = async (value: string) => {
      await admin.changeSettings([{ ...retention, value }]);
      const { topic, name } = retention;
      const isSet = async () => (await admin.topicSettings([topic])).get(topic)?.[name] === value;
      await waitUntil("the broker knows the setting", isSet, { timeoutMs: 20_000 });
    };
    await set("3600000");
    const differing = await checkoutctl(["topics", "create"], env);
    expect(differing.code).toBe(3);
    expect(differing.stdout).toContain("DIFFERS: retention.ms is 3600000, should be 259200000");
    await set(retention.value);
    expect((await checkoutctl(["topics", "create"], env)).code).toBe(0);

    expect((await checkoutctl(["audit", "--journal", journal], env)).code).toBe(3);
    const report = await json<AuditReport>(["audit", "--journal", journal], env);
    const named = report.invariants.find(({ name }) => name === "accepted-exists")?.findings;
    expect(named?.map(({ saga_id }) => saga_id)).toEqual([promised]);
    // No message of this system was ever sent to this broker.
    const lost = report.invariants.find(({ name }) => name === "published-is-in-kafka");
    expect(lost?.violations).toBe(report.messages.in_outboxes);
    expect((await checkoutctl(["dlq", "ls"], env)).code).toBe(0);
  });

  test("catalogue load adds stock through inventory, and names the errors in a file", async () => {
    const api = catalogueApi({
      database: system.clones.inventory.postgres,
      access: accessTo("inventory"),
      log: noLog,
      currencies: shopCurrencies(""),
    });
    await using server = serveHttp(api, { hostname: "127.0.0.1", port: 0 });
    const env = { INVENTORY_URL: `http://127.0.0.1:${server.port}` };

    expect(await json(["catalogue", "load", "--demo", "1100", "--stock", "7"], env)).toEqual({
      loaded: 1_100,
      units: 7_700,
    });
    const items = await json<{ sku_id: string; available_count: number }[]>(["catalogue", "ls"], env);
    expect(items.filter(({ sku_id }) => sku_id.startsWith("demo-"))).toHaveLength(1_100);

    const file = join(tool.directory, "catalogue.json");
    await Bun.write(
      file,
      JSON.stringify({ items: [{ sku_id: "a b", name: "A", currency: "EUR", add_count: 1 }] }),
    );
    const refused = await checkoutctl(["catalogue", "load", file], env);
    expect(refused.code).toBe(3);
    expect(refused.stderr).toContain("/items/0/unit_price_cents Expected required property");
    expect(refused.stderr).toContain("/items/0/sku_id");

    const unknown = ["catalogue", "load", "--demo", "1", "--currency", "XTS"];
    expect(await checkoutctl(unknown, env)).toMatchObject({
      code: 3,
      stderr: expect.stringContaining("demo-0001: XTS is not a supported currency"),
    });
    expect((await checkoutctl(["catalogue", "load", "--demo", "20", "--currency", "KWD"], env)).code).toBe(0);
    expect((await checkoutctl(["catalogue", "ls"], env)).stdout).toContain("0.500 KWD");
  });
});
