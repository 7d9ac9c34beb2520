// A Postgres of the stack that was killed starts again, also while a process of the killed one is still running, and leaves nothing behind.
import { afterAll, afterEach, beforeEach, expect, test } from "bun:test";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import postgres, { type Sql } from "postgres";
import { newDataDirectory } from "../../testkit/data-directory.ts";
import { type Managed, start } from "../managed.ts";
import { leasePorts } from "../ports.ts";
import { waitUntil } from "../wait.ts";
import { postgresData, postgresServer } from "./postgres.ts";

const directory = newDataDirectory("postgres");
afterAll(() => rmSync(directory, { recursive: true, force: true }));

let held: AsyncDisposableStack;
let dataDirectory: string;
let server: Managed;
let sql: Sql;

beforeEach(async () => {
  held = new AsyncDisposableStack();
  const ports = leasePorts(directory);
  held.defer(() => ports.release());
  held.defer(() => rmSync(postgresData(dataDirectory), { recursive: true, force: true }));
  const port = ports.next();
  dataDirectory = join(directory, `postgres-${port}`);
  const logFile = join(directory, "log");
  server = await start(
    postgresServer({ name: "postgres-test", database: "test", port, dataDirectory, logFile }),
  );
  held.defer(async () => void (await server.stop()));
  sql = held.adopt(postgres(server.address, { max: 2, onnotice: () => {} }), (it) => it.end({ timeout: 1 }));
});
afterEach(() => held.disposeAsync());

test("a killed server restarts although a query of it still runs", async () => {
  // A query that computes does not notice that its server has died; one that sleeps would. It ends when there is a file, or after a minute.
  const computing = sql
    .unsafe(
      `do $$ begin
       while pg_stat_file('enough', true) is null and clock_timestamp() < now() + interval '1 minute' loop end loop;
     end $$`,
    )
    .catch(() => undefined);
  await waitUntil(
    "the query runs",
    async () =>
      (
        await sql`select 1 from pg_stat_activity where state = 'active' and query like '%enough%' and pid <> pg_backend_pid()`
      ).length > 0,
    { timeoutMs: 30_000 },
  );
  server.kill("SIGKILL");
  const restarted = server.restart();
  // Long enough for a server that is started at once to say that the memory of the old one is still in use.
  await Promise.race([restarted, Bun.sleep(1_500)]);
  writeFileSync(join(postgresData(dataDirectory), "enough"), "");
  await restarted;
  expect(await sql`select 42 as answer`).toMatchObject([{ answer: 42 }]);
  await computing;
});

test("a process of somebody else in the data directory does not delay the restart", async () => {
  const shell = Bun.spawn(["sleep", "60"], { cwd: postgresData(dataDirectory) });
  held.defer(async () => {
    shell.kill();
    await shell.exited;
  });
  server.kill("SIGKILL");
  await server.restart();
  expect(await sql`select 42 as answer`).toMatchObject([{ answer: 42 }]);
});

test("of data in memory, a killed server leaves nothing outside of its directory", () => {
  const data = postgresData(dataDirectory);
  const shared = readFileSync(`/proc/${server.pid}/maps`, "utf8");
  expect(shared.includes("/dev/shm/PostgreSQL.")).toBe(!data.startsWith("/dev/shm/"));
});
