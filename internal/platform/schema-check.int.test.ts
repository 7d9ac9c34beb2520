// A role without tables, or with another service's tables, waits, says so and consumes no messages. Uses a role's real process; its
// Kafka address is a listener that must see no connection before the schema is right.
import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { migrations } from "../../schemas/migrations.ts";
import { waitUntil } from "../stack/wait.ts";
import { REPOSITORY } from "../stack/paths.ts";
import { TRUSTED_CALLERS } from "../testkit/callers.ts";
import { cloneDatabase, type TestDatabase } from "../testkit/database.ts";
import { redisUrl } from "../testkit/servers.ts";
import { migrate } from "./migrate.ts";
import type { Readiness } from "./ops-http.ts";
import { requireSchema } from "./schema-check.ts";

const SOON = { timeoutMs: 30_000 };

let knocks = 0;
const door = Bun.listen({
  hostname: "127.0.0.1",
  port: 0,
  socket: { open: () => void (knocks += 1), data: () => undefined },
});
let database: TestDatabase;
let role: Bun.Subprocess | undefined;
beforeAll(async () => {
  database = await cloneDatabase("inventory");
});
afterEach(async () => {
  role?.kill("SIGKILL");
  await role?.exited;
});
afterAll(async () => {
  door.stop(true);
  await database[Symbol.asyncDispose]();
});

/** Starts the order service. Resolves to a function that reads its readiness. */
async function startOrder(url: string): Promise<() => Promise<Readiness>> {
  const child = Bun.spawn([process.execPath, join(REPOSITORY, "cmd/order/main.ts")], {
    env: {
      PATH: process.env["PATH"] ?? "",
      DATABASE_URL: url,
      KAFKA_BROKERS: `127.0.0.1:${door.port}`,
      REDIS_URL: redisUrl(),
      INSTANCE_ID: "test",
      OPS_PORT: "0",
      PORT: "0",
      TRUSTED_CALLERS_JWKS: TRUSTED_CALLERS,
    },
    stdio: ["ignore", "pipe", "inherit"],
  });
  role = child;
  let log = "";
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream(), { preventCancel: true })) {
    log += text;
    const port = /"ops_port":(\d+)/.exec(log)?.[1];
    if (port === undefined) continue;
    return async () => {
      const readiness: Readiness = JSON.parse(await (await fetch(`http://127.0.0.1:${port}/readyz`)).text());
      return readiness;
    };
  }
  throw new Error(`the role ended: ${log}`);
}

async function waitsSaying(readiness: () => Promise<Readiness>, words: string): Promise<void> {
  await waitUntil(
    `readiness says ${words}`,
    async () => (await readiness()).checks["start"]?.reason?.includes(words) === true,
    SOON,
  );
  const { status, checks } = await readiness();
  expect(status).toBe("not_ready");
  expect(checks["start"]?.reason).toContain("checkoutctl migrate");
  expect(checks["schema"]).toMatchObject({ status: "down", required: true });
  expect(checks["postgres"]?.status).toBe("up");
  expect(knocks).toBe(0);
}

test("a role waits on another service's database, and on its own until it has every table", async () => {
  const readiness = await startOrder(database.url);
  await waitsSaying(readiness, "this is the database of inventory, not of order");
  await database.sql.unsafe("drop schema public cascade; create schema public");
  await waitsSaying(readiness, "the database lacks 0001_messaging, 0002_order");
  await migrate(database.sql, migrations.order, "order");
  await waitUntil("the role connects to Kafka", () => knocks > 0, SOON);
  expect((await readiness()).checks["schema"]?.status).toBe("up");
});

test("a database that is ahead is accepted, one without tables is not", async () => {
  await using own = await cloneDatabase("saga");
  const needed = { owner: "saga", migrations: migrations.saga } as const;
  await own.sql`insert into schema_migrations (name, checksum) values ('9999_later', '')`;
  await requireSchema(own.sql, needed);
  await own.sql.unsafe("drop schema public cascade; create schema public");
  const failure = await requireSchema(own.sql, needed).then(
    () => "",
    (error: unknown) => String(error),
  );
  expect(failure).toContain("run checkoutctl migrate");
});
