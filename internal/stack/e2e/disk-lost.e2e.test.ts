// The machine of a Postgres primary is lost with its disk, while shoppers come. Its synchronous standby is promoted at once; every URL has both
// servers. Then a new standby is built, and the other server is lost.
import { afterAll, beforeAll, expect, test } from "bun:test";
import postgres from "postgres";
import type { Shopper } from "../../../bench/shopper.ts";
import type { DoctorReport } from "../../../schemas/doctor.ts";
import { loseDisk } from "../../faults/disk-lost.ts";
import type { Holder } from "../../faults/failover.ts";
import { waitUntil } from "../wait.ts";
import { RunningSystem } from "./running-system.ts";
import { SteadyShopper } from "./steady-shopper.ts";

const UP_TIMEOUT_MS = 120_000;
const TEST_TIMEOUT_MS = 180_000;
const PATIENCE_MS = 60_000;
const PAUSE_MS = 50;
const SKU = "lamp";
const WITH_STANDBY = ["saga", "payment"];

const held = new AsyncDisposableStack();
let system: RunningSystem;
let shopper: Shopper;
beforeAll(async () => {
  system = held.use(
    await RunningSystem.start(
      "disk-lost",
      { paysim: { LATENCY: "fixed:20" }, orchestrator: { FORWARD_DEADLINE_MS: String(TEST_TIMEOUT_MS) } },
      {},
      undefined,
      { standbys: WITH_STANDBY },
    ),
  );
  shopper = await system.shopper();
  await system.restock(SKU, 10_000);
  if (system.context.addresses.certificates !== undefined)
    for (const name of WITH_STANDBY) await letSee(name);
}, UP_TIMEOUT_MS);
afterAll(() => held.disposeAsync(), UP_TIMEOUT_MS);

/** In a secure stack the operator's user of a database does not see what its standbys do. */
async function letSee(database: string): Promise<void> {
  const sql = postgres(system.context.addresses.postgres[database] ?? "", { max: 1, onnotice: () => {} });
  await sql.unsafe(`grant pg_read_all_stats to ${database}_migrator`);
  await sql.end();
}

const holder: Holder = {
  proven: (name) => [system.stack.find(name).pid],
  hold: (name) => system.stack.kill(name, "SIGKILL"),
  ended: () => system.stack.servers.filter((one) => one.exit() !== null).map(({ name }) => name),
  release: () => undefined,
};

/** What doctor says about the two servers of a database. Other findings, of roles that have just lost a connection, do not matter. */
async function doctorOf(database: string): Promise<Readonly<Record<string, string>>> {
  const { stdout } = await system.checkoutctl("doctor", "--json");
  const { findings }: DoctorReport = JSON.parse(stdout);
  const own = findings.filter(
    ({ check, subject }) => subject === database && (check === "hosts" || check === "replication"),
  );
  return Object.fromEntries(own.map(({ check, verdict, says }) => [check, `${verdict}: ${says}`]));
}

test.each(WITH_STANDBY)(
  "the disk of the %s database is lost, and then that of its new primary: no accepted checkout is",
  async (database) => {
    const servers = [`postgres-${database}`, `postgres-${database}-standby`];
    const pair = servers.map((name) => ({ name, url: system.stack.find(name).address }));
    const load = new SteadyShopper(shopper, { sku: SKU, pauseMs: PAUSE_MS });
    await load.places(5);
    for (const primary of servers) {
      expect((await doctorOf(database))["replication"]).toStartWith("ok: nothing acknowledged is lost");
      // when
      const { lost, killedAt } = await loseDisk(holder, pair);
      const promotedAt = performance.now();
      // then
      expect(lost).toBe(primary);
      const [first] = await load.places(1, killedAt);
      if (first === undefined) throw new Error("unreachable: the wait would have thrown");
      expect(await load.endsOf([first])).toEqual(new Set(["COMPLETED"]));
      const times = [promotedAt, first.at, performance.now()].map((at) => Math.round(at - killedAt));
      console.log(
        `  ${lost} lost: promoted after ${times[0]} ms; the next checkout was accepted after ${times[1]} ms, and complete after ${times[2]} ms`,
      );
      expect(await doctorOf(database)).toMatchObject({
        hosts: expect.stringContaining("does not answer"),
        replication: expect.stringContaining("warning: no standby streams"),
      });
      await system.stack.restart(lost);
    }
    expect(await load.endsOf(await load.stop())).toEqual(new Set(["COMPLETED"]));
    const isReady = async (role: string) =>
      (await fetch(`${system.context.addresses.ops[role]}/readyz`)).status === 200;
    const areReady = async () =>
      (await Promise.all(["orchestrator", "payment", "relay"].map(isReady))).every(Boolean);
    await waitUntil("every role is ready", areReady, { timeoutMs: PATIENCE_MS });
  },
  TEST_TIMEOUT_MS,
);

test(
  "without any server of it, the role says of each what it is, and doctor has a problem",
  async () => {
    for (const name of ["postgres-payment", "postgres-payment-standby"]) system.stack.kill(name, "SIGKILL");
    const told = async () => (await fetch(`${system.context.addresses.ops["payment"]}/readyz`)).text();
    const both = Object.values(system.stack.find("postgres-payment").ports).concat(
      Object.values(system.stack.find("postgres-payment-standby").ports),
    );
    const isTold = async () => {
      const text = await told();
      return both.every((port) => text.includes(`127.0.0.1:${port} does not answer`));
    };
    await waitUntil("payment names both servers", isTold, { timeoutMs: PATIENCE_MS });
    expect((await doctorOf("payment"))["hosts"]).toStartWith("problem: no primary");
    // Together, as after a power cut: each goes on as what it was.
    await Promise.all(
      ["postgres-payment", "postgres-payment-standby"].map((name) => system.stack.restart(name)),
    );
    const isReady = () => system.stack.find("payment").probe();
    await waitUntil("payment is ready", isReady, { timeoutMs: PATIENCE_MS });
  },
  TEST_TIMEOUT_MS,
);

test(
  "the final audit is clean",
  async () => {
    expect(await system.audit()).toEqual({ code: 0, violations: [] });
  },
  TEST_TIMEOUT_MS,
);
