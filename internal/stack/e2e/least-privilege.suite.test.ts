// Postgres, Redis and its Sentinels of a stack with `--secure`, on the compiled roles: everybody comes encrypted and under their own name, may do
// what they do, and asks for nothing else. Also while Redis fails over. Called by secure.e2e.test.ts.
import { beforeAll, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createClient } from "redis";
import { cartOf, type Shopper } from "../../../bench/shopper.ts";
import type { DoctorReport } from "../../../schemas/doctor.ts";
import { MIGRATED_DATABASES } from "../../../schemas/migrations.ts";
import type { AuditReport } from "../../audit/audit.ts";
import { failOverAfter, untilMoved, untilWatched } from "../../faults/redis-failover.ts";
import { openPostgres } from "../../platform/postgres.ts";
import { type RedisAddress, redisAddress } from "../../platform/redis-tls.ts";
import { sentinelsAddress } from "../../platform/sentinel-address.ts";
import { cleanEnvironment } from "../child.ts";
import { operatorToken } from "../operator-token.ts";
import { DIST } from "../paths.ts";
import { databaseSettings, operatorEnvironment } from "../role-env.ts";
import { waitUntil } from "../wait.ts";
import { CURRENCY, existing, type RunningSystem } from "./running-system.ts";

const RUN_TIMEOUT_MS = 120_000;
const PATIENCE_MS = 60_000;
/** How long a master may be silent. On a busy machine one that works is silent for seconds. */
const SILENCE_MS = { usual: 60_000, ended: 1_000 } as const;

let system: RunningSystem;
let shopper: Shopper;

async function endOf(paymentMethod: string) {
  const cart = cartOf(["tea"], paymentMethod, CURRENCY);
  const { saga_id } = await shopper.checkout(cart, Bun.randomUUIDv7(), Date.now() + PATIENCE_MS);
  return existing(await shopper.status(saga_id, Date.now() + PATIENCE_MS));
}

/** As whoever has the auditor's passwords only. */
async function auditAsAuditor(): Promise<AuditReport> {
  const OPERATOR_TOKEN = await operatorToken(system.context.secrets, "ada");
  const settings = { ...operatorEnvironment(system.context), ...databaseSettings(system.context, "audit") };
  const child = Bun.spawn([join(DIST, "checkoutctl"), "audit", "--expect-idle", "--json"], {
    env: cleanEnvironment({ ...settings, OPERATOR_TOKEN }),
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  if (stdout === "") throw new Error(`the audit failed: ${stderr}`);
  const report: AuditReport = JSON.parse(stdout);
  return report;
}

/** The address of one of the two Redis servers, for the administrator. */
function redisAt(name: string): readonly [url: string, tls: RedisAddress["tls"]] {
  const { url, tls } = redisAddress(system.context.addresses.redis);
  const own = new URL(url);
  own.port = String(system.stack.find(name).ports["redis"]);
  return [own.href, tls];
}

/** The users at this server, and what it has refused. */
async function seenAt(url: string, tls: RedisAddress["tls"]) {
  const redis = await createClient({ url, socket: tls, disableClientInfo: true }).connect();
  try {
    const clients = JSON.stringify(await redis.sendCommand(["CLIENT", "LIST"]));
    const users = new Set(Array.from(clients.matchAll(/ user=(\S+)/g), ([, user = ""]) => user));
    const refused = JSON.stringify(await redis.sendCommand(["ACL", "LOG"]));
    return { users: [...users].toSorted((a, b) => (a < b ? -1 : 1)), refused };
  } finally {
    redis.destroy();
  }
}

const AT_THE_MASTER = {
  users: [
    "checkout-admin",
    "checkout-gateway",
    "checkout-inventory",
    "checkout-notification",
    "checkout-orchestrator",
    "checkout-order",
    "checkout-payment",
    "checkout-replica",
    "checkout-sentinel",
  ],
  refused: "[]",
};

function sentinels(): string {
  return system.context.addresses.redis_sentinels ?? "";
}

/** Of the Sentinels, each with the users that come to it, and what it has refused. */
async function seenAtSentinels() {
  const { nodes } = sentinelsAddress(sentinels());
  return Promise.all(nodes.map(({ address }) => seenAt(address.url, address.tls)));
}

/** Defines the tests. The system is new, has Sentinels, and leaves some work to the relay. */
export function leastPrivilege(running: () => RunningSystem): void {
  beforeAll(async () => {
    system = running();
    shopper = await system.shopper();
    await system.restock("tea", 100);
    await failOverAfter(sentinels(), SILENCE_MS.usual);
    await untilWatched(sentinels());
  }, RUN_TIMEOUT_MS);

  test(
    "checkouts complete and compensate, and the auditor finds nothing wrong with the rights of an auditor",
    async () => {
      expect(await endOf("pm_card_visa")).toMatchObject({ status: "COMPLETED" });
      expect(await endOf("pm_card_visa_chargeDeclined")).toMatchObject({ status: "COMPENSATED" });
      const report = await auditAsAuditor();
      expect(report.invariants.flatMap(({ findings }) => findings)).toEqual([]);
      expect(report.sagas.total).toBe(2);
    },
    RUN_TIMEOUT_MS,
  );

  test.each([...MIGRATED_DATABASES])(
    "all sessions of the %s database are encrypted and those of its roles",
    async (name) => {
      const url = system.context.addresses.postgres[name] ?? "";
      await using database = openPostgres({ url, poolSize: 2, applicationName: "test" });
      const sessions = await database.sql<{ usename: string; ssl: boolean }[]>`
      select distinct usename, ssl from pg_stat_activity join pg_stat_ssl using (pid)
       where datname = ${name} and application_name <> 'test' order by usename`;
      const users = sessions.map(({ usename }) => usename);
      expect(sessions.filter(({ ssl }) => !ssl)).toEqual([]);
      expect(users).toContain(`${name}_app`);
      expect(users.filter((user) => !user.startsWith(`${name}_`))).toEqual([]);
      if (name !== "notification") expect(users).toContain(`${name}_relay`);
    },
  );

  test("every role has its own user at Redis, and neither it nor a Sentinel has refused anything", async () => {
    await untilWatched(sentinels());
    expect(await seenAt(...redisAt("redis"))).toEqual(AT_THE_MASTER);
    for (const { users, refused } of await seenAtSentinels())
      expect([users, refused]).toEqual([
        ["checkout-admin", "checkout-sentinel-client", "checkout-sentinel-peer"],
        "[]",
      ]);
  });

  test(
    "Redis fails over: no shopper notices, and every role follows it with the same rights",
    async () => {
      const from = await untilWatched(sentinels());
      await system.end("redis");
      await failOverAfter(sentinels(), SILENCE_MS.ended);
      // In the middle of it.
      expect(await endOf("pm_card_visa")).toMatchObject({ status: "COMPLETED" });
      await untilMoved(sentinels(), from);
      await failOverAfter(sentinels(), SILENCE_MS.usual);
      const isFollowed = async () => {
        const { users, refused } = await seenAt(...redisAt("redis-2"));
        return (
          refused === "[]" &&
          AT_THE_MASTER.users.every((user) => user === "checkout-replica" || users.includes(user))
        );
      };
      await waitUntil("every role uses the new master", isFollowed, { timeoutMs: PATIENCE_MS });
      expect(await endOf("pm_card_visa")).toMatchObject({ status: "COMPLETED" });
      await system.stack.restart("redis");
      await untilWatched(sentinels());
      expect(await seenAt(...redisAt("redis-2"))).toEqual(AT_THE_MASTER);
      expect((await seenAt(...redisAt("redis"))).refused).toBe("[]");
      for (const { refused } of await seenAtSentinels()) expect(refused).toBe("[]");
      // It gives Redis 2.5 s to answer. On a busy machine that can be too short for a new encrypted connection by way of the Sentinels.
      const isWell = async () => {
        const { stdout } = await system.checkoutctl("doctor", "--json");
        const { findings }: DoctorReport = JSON.parse(stdout);
        const ofRedis = findings.filter(({ check }) => ["redis", "sentinels"].includes(check));
        if (ofRedis.map(({ verdict }) => verdict).join(" ") !== "ok ok ok ok")
          throw new Error(JSON.stringify(ofRedis));
        return true;
      };
      await waitUntil("doctor finds Redis and its Sentinels well", isWell, { timeoutMs: PATIENCE_MS });
    },
    RUN_TIMEOUT_MS,
  );

  test("the rights are those of the table, and no role has asked for more", async () => {
    expect(await system.operatorSees(["grants", "check"])).toMatchObject(
      MIGRATED_DATABASES.map((database) => ({
        database,
        statements: [],
        unnamed: [],
        owners: [],
        excess: [],
      })),
    );
    const logs = join(system.stack.dataDirectory, "logs");
    const refusals = readdirSync(logs).flatMap((file) =>
      readFileSync(join(logs, file), "utf8")
        .split("\n")
        .filter((line) => /permission denied|must be owner|NOPERM|may do everything there/.test(line))
        .map((line) => `${file}: ${line}`),
    );
    expect(refusals).toEqual([]);
  });
}
