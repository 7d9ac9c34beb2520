// A failover of a real server under constant writes: every acknowledged write survives, and meanwhile the address answers only
// reads.
import { expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { join } from "node:path";
import postgres from "postgres";
import { start } from "../stack/managed.ts";
import { leasePorts } from "../stack/ports.ts";
import { SUPERUSER } from "../stack/secure/accounts.ts";
import { CertificateAuthority, THIS_MACHINE } from "../stack/secure/certificate-authority.ts";
import type { SecurePostgres } from "../stack/secure/postgres.ts";
import { postgresData, postgresServer } from "../stack/servers/postgres.ts";
import { waitUntil } from "../stack/wait.ts";
import { newDataDirectory } from "../testkit/data-directory.ts";
import { failOverManaged } from "../testkit/failover.ts";
import { promote } from "./failover.ts";

const SOON = { timeoutMs: 30_000 };

test.each(["open", "encrypted"])(
  "a standby replaces its server, answers only reads until it is promoted, and loses no acknowledged write (%s)",
  async (connections) => {
    const directory = newDataDirectory("failover");
    const ports = leasePorts(directory);
    const dataDirectory = join(directory, "postgres");
    const logFile = join(directory, "log");
    await using held = new AsyncDisposableStack();
    held.defer(() => {
      ports.release();
      for (const path of [directory, postgresData(dataDirectory)])
        rmSync(path, { recursive: true, force: true });
    });
    const secure = connections === "open" ? undefined : await certified(join(directory, "certificates"));
    const place = { port: ports.next(), dataDirectory, logFile };
    const server = await start(postgresServer({ name: "postgres-test", database: "test", ...place, secure }));
    held.defer(async () => void (await server.stop()));
    const sql = held.adopt(
      postgres(server.address, { max: 1, connect_timeout: 2, backoff: () => 0.05 }),
      (it) => it.end({ timeout: 1 }),
    );
    await sql`create table item (id int primary key)`;

    let lastId = 0;
    const acknowledged: number[] = [];
    const refusals = new Set<unknown>();
    const over = new AbortController();
    const writing = (async () => {
      while (!over.signal.aborted) {
        const id = ++lastId;
        try {
          await sql`insert into item values (${id})`;
          acknowledged.push(id);
        } catch (error) {
          refusals.add(error instanceof Error && "code" in error ? error.code : error);
          await Bun.sleep(5);
        }
      }
    })();
    await waitUntil("the server accepts writes", () => acknowledged.length > 0, SOON);
    await failOverManaged(server);
    await waitUntil("writes are refused", () => refusals.has("25006"), SOON);
    const before = acknowledged.length;
    await promote(server.address);
    await waitUntil("the server accepts writes again", () => acknowledged.length > before, SOON);
    over.abort();
    await writing;
    const rows = await sql<{ id: number }[]>`select id from item`;
    expect(rows.map(({ id }) => id)).toContainValues(acknowledged);
  },
);

/** As in a stack with `--secure`. */
async function certified(folder: string): Promise<SecurePostgres> {
  const authority = await CertificateAuthority.open(folder);
  return {
    server: await authority.issue({ name: "postgres", hosts: THIS_MACHINE }),
    superuser: await authority.issue({ name: SUPERUSER }),
    superuserPassword: crypto.randomUUID(),
  };
}
