// A separate Postgres primary with a streaming standby, for failover tests. Both start as copies of one new data directory, so no
// base backup is needed.
import { chownSync, existsSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import postgres, { type Sql } from "postgres";
import { untilCommitsWait } from "../faults/failover.ts";
import { type Managed, start } from "../stack/managed.ts";
import { leasePorts } from "../stack/ports.ts";
import { postgresData, postgresServer } from "../stack/servers/postgres.ts";
import { waitUntil } from "../stack/wait.ts";
import { newDataDirectory } from "./data-directory.ts";

const DATABASE = "test";
const TIMEOUT_MS = 20_000;

export class ReplicatedPostgres implements AsyncDisposable {
  readonly primary: Managed;
  readonly standby: Managed;
  /** Connections for inspection. */
  readonly onPrimary: Sql;
  readonly onStandby: Sql;
  /** Of the primary. */
  readonly #data: string;
  readonly #release: () => void;

  private constructor(primary: Managed, standby: Managed, data: string, release: () => void) {
    this.primary = primary;
    this.#data = data;
    this.standby = standby;
    this.onPrimary = lookAt(primary.address);
    this.onStandby = lookAt(standby.address);
    this.#release = release;
  }

  /** Resolves when the standby streams from the primary. */
  static async start(): Promise<ReplicatedPostgres> {
    const directory = newDataDirectory("replicated");
    const ports = leasePorts(directory);
    const define = (name: string) =>
      postgresServer({
        name,
        database: DATABASE,
        port: ports.next(),
        dataDirectory: join(directory, name),
        logFile: join(directory, `${name}.log`),
      });
    const data = ["primary", "standby"].map((name) => postgresData(join(directory, name)));
    const release = () => {
      ports.release();
      for (const path of [...data, directory]) rmSync(path, { recursive: true, force: true });
    };
    const [main, second] = [define("primary"), define("standby")];
    const primary = await start(main);
    const standby = await start({
      ...second,
      async prepare() {
        await second.prepare?.();
        follow(postgresData(join(directory, "standby")), main.ports["postgres"] ?? 0);
      },
      // The content comes by replication.
      whenReady: async () => undefined,
    });
    const both = new ReplicatedPostgres(primary, standby, data[0] ?? "", release);
    await both.replayed();
    return both;
  }

  /** Resolves when the standby has replayed everything the primary has written so far. */
  async replayed(): Promise<void> {
    const [written] = await this.onPrimary<{ lsn: string }[]>`select pg_current_wal_lsn()::text as lsn`;
    await waitUntil(
      "the standby has replayed what the primary wrote",
      async () => {
        const [row] = await this.onStandby<{ done: boolean | null }[]>`
          select pg_last_wal_replay_lsn() >= ${written?.lsn ?? ""}::pg_lsn as done`;
        return row?.done === true;
      },
      { timeoutMs: TIMEOUT_MS },
    );
  }

  /** From here on every acknowledged write is also on the standby. */
  async makeSynchronous(): Promise<void> {
    await this.onPrimary`alter system set synchronous_standby_names = '*'`;
    await this.onPrimary`select pg_reload_conf()`;
    await waitUntil(
      "the standby is synchronous",
      async () => {
        const rows = await this.onPrimary`select 1 from pg_stat_replication where sync_state = 'sync'`;
        return rows.length > 0;
      },
      { timeoutMs: TIMEOUT_MS },
    );
    await untilCommitsWait(this.primary.address, this.standby.address);
  }

  /** The machine of the primary is gone, with its disk. */
  async losePrimary(): Promise<void> {
    this.primary.kill("SIGKILL");
    await waitUntil("the primary has ended", () => this.primary.exit() !== null, { timeoutMs: TIMEOUT_MS });
    // A connection's process outlives its server for a moment, and may still write.
    await waitUntil(
      "the data of the primary are gone",
      () => {
        rmSync(this.#data, { recursive: true, force: true });
        return !existsSync(this.#data);
      },
      { timeoutMs: TIMEOUT_MS },
    );
  }

  /** Promotes the standby to a primary. */
  async promote(): Promise<void> {
    await this.onStandby`select pg_promote(true, 20)`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.onPrimary.end({ timeout: 1 }), this.onStandby.end({ timeout: 1 })]);
    await Promise.all([this.primary.stop(), this.standby.stop()]);
    this.#release();
  }
}

/** Turns a data directory into a standby's. */
function follow(data: string, primaryPort: number): void {
  const { uid, gid } = statSync(data);
  const write = (file: string, text: string, flag: string) => {
    writeFileSync(join(data, file), text, { flag });
    chownSync(join(data, file), uid, gid);
  };
  write("standby.signal", "", "w");
  const address = `host=127.0.0.1 port=${primaryPort} user=checkout`;
  write(
    "postgresql.auto.conf",
    `primary_conninfo = '${address}'\nwal_retrieve_retry_interval = 100ms\n`,
    "a",
  );
}

/** One address of both servers, in this order. */
export function addressOf(...servers: readonly { readonly port: number }[]): string {
  return `postgres://checkout@${servers.map(({ port }) => `127.0.0.1:${port}`).join(",")}/${DATABASE}`;
}

function lookAt(url: string): Sql {
  return postgres(url, { max: 1, onnotice: () => undefined, connect_timeout: 2 });
}
