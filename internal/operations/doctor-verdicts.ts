// Pure: judges facts about servers for `checkoutctl doctor`: versions, clocks, migrations, partitions, disks, topics, certificates,
// keys. doctor-work.ts judges what waits in them. The limits are those of deploy/prometheus/alerts.yml where there is an alert.
import type { Finding, Verdict } from "../../schemas/doctor.ts";

/** The servers that this release is tested with. */
export const TESTED = { postgres: 18, redis: 7 } as const;

/** A clock that is this wrong makes deadlines late, but does no harm. */
const CLOCK_WARNING_MS = 1_000;
/** From here on tokens are refused or valid for too long. */
const CLOCK_PROBLEM_MS = 30_000;
const LONG_TRANSACTION_SECONDS = 1_800;
const CERTIFICATE_WARNING_DAYS = 14;
const DAY_MS = 86_400_000;
const GIB = 2 ** 30;
const CONNECTIONS_SHARE = 0.9;

type Judged = Pick<Finding, "verdict" | "says"> & { readonly todo?: string };

export function finding(check: string, subject: string, { verdict, says, todo }: Judged): Finding {
  return { check, subject, verdict, says, todo: todo ?? null };
}

export interface ServerFacts {
  /** For example `18.4 (Debian 18.4-1)`. */
  readonly version: string;
  readonly major: number;
  readonly isStandby: boolean;
  readonly connections: number;
  readonly maxConnections: number;
  readonly oldestSnapshotSeconds: number;
}

export function judgePostgres(subject: string, facts: ServerFacts): readonly Finding[] {
  const { version, major, isStandby, connections, maxConnections, oldestSnapshotSeconds } = facts;
  const of = (judged: Judged) => finding("postgres", subject, judged);
  const findings: Finding[] = [];
  if (isStandby)
    findings.push(
      of({
        verdict: "problem",
        says: "this is a standby: roles need the primary",
        todo: "correct the address, or promote it",
      }),
    );
  if (connections >= CONNECTIONS_SHARE * maxConnections)
    findings.push(
      of({
        verdict: "warning",
        says: `${connections} of ${maxConnections} connections are in use`,
        todo: "raise max_connections, or lower DATABASE_POOL_SIZE of the roles",
      }),
    );
  if (oldestSnapshotSeconds > LONG_TRANSACTION_SECONDS)
    findings.push(
      of({
        verdict: "warning",
        says: `a transaction is open for ${inWords(oldestSnapshotSeconds * 1_000)} and blocks cleanup`,
        todo: "find it: select pid, application_name, xact_start, query from pg_stat_activity order by xact_start",
      }),
    );
  const isTested = major === TESTED.postgres;
  findings.push(
    of({
      verdict: isTested ? "ok" : "warning",
      says: `Postgres ${version} answers${isTested ? "" : `; this release is tested with Postgres ${TESTED.postgres}`}`,
      ...(isTested ? {} : { todo: `plan an upgrade to Postgres ${TESTED.postgres}` }),
    }),
  );
  return findings;
}

/** `uncertain`: why it is not known whether the server is a master; null if it is one. */
export function judgeRedis(subject: string, version: string, uncertain: string | null): Finding {
  if (uncertain !== null)
    return finding("redis", subject, {
      verdict: "warning",
      says: `Redis ${version} answers, but ${uncertain}`,
      todo: "give the roles an address at which HELLO is answered by the server itself, so that they notice a replica at once",
    });
  const isTested = Number.parseInt(version, 10) === TESTED.redis;
  return finding("redis", subject, {
    verdict: isTested ? "ok" : "warning",
    says: `Redis ${version} answers${isTested ? "" : `; this release is tested with Redis ${TESTED.redis}`}`,
    ...(isTested ? {} : { todo: `check your release of Redis against Redis ${TESTED.redis}` }),
  });
}

/** A server's time, read between two readings of ours, all in epoch ms. */
export interface ClockReading {
  readonly askedAt: number;
  readonly answeredAt: number;
  readonly serverAt: number;
  /** How coarse the server's answer is: 1,000 for whole seconds, rounded down. */
  readonly grainMs?: number;
}

/** The server's clock differs by at least this much from ours; negative: it is behind. 0: the reading shows no difference. */
export function skewOf({ askedAt, answeredAt, serverAt, grainMs = 0 }: ClockReading): number {
  if (serverAt > answeredAt) return serverAt - answeredAt;
  return serverAt + grainMs < askedAt ? serverAt + grainMs - askedAt : 0;
}

export function judgeClock(subject: string, reading: ClockReading): Finding {
  const skew = skewOf(reading);
  const size = Math.abs(skew);
  if (size < CLOCK_WARNING_MS) {
    const bound = Math.max(reading.answeredAt - reading.askedAt, reading.grainMs ?? 0) + size;
    return finding("clock", subject, { verdict: "ok", says: `agrees with ours within ${inWords(bound)}` });
  }
  return finding("clock", subject, {
    verdict: size < CLOCK_PROBLEM_MS ? "warning" : "problem",
    says: `at least ${inWords(size)} ${skew > 0 ? "ahead of" : "behind"} ours`,
    todo: "synchronise both machines (timedatectl status); see the runbook, A clock was wrong",
  });
}

/** Kafka shows its time only in messages, so this sees a clock that is ahead, but not one that is behind. */
export function judgeKafkaClock(newestAt: number | null, now: number): Finding {
  const says = "no message of the last minute tells the brokers' time";
  if (newestAt === null || newestAt < now - 60_000)
    return finding("clock", "kafka", { verdict: "not checked", says });
  if (newestAt > now) return judgeClock("kafka", { askedAt: now, answeredAt: now, serverAt: newestAt });
  const age = inWords(now - newestAt);
  return finding("clock", "kafka", {
    verdict: "ok",
    says: `not ahead of ours; the newest message is ${age} old`,
  });
}

export function judgeMigrations(subject: string, pending: readonly string[]): Finding {
  if (pending.length === 0)
    return finding("migrations", subject, {
      verdict: "ok",
      says: "every migration of this release is applied",
    });
  return finding("migrations", subject, {
    verdict: "problem",
    says: `not applied: ${pending.length > 3 ? `${pending.length} from ${pending[0]} to ${pending.at(-1)}` : pending.join(", ")}`,
    todo: `checkoutctl migrate --database ${subject}`,
  });
}

/** The days, as YYYYMMDD, that have a partition. */
export interface PartitionFacts {
  readonly outbox: readonly string[];
  readonly inbox: readonly string[];
  readonly today: string;
  readonly tomorrow: string;
  /** The oldest day that the retention still keeps. */
  readonly keptFrom: { readonly outbox: string; readonly inbox: string };
}

export function judgePartitions(subject: string, facts: PartitionFacts): readonly Finding[] {
  const of = (judged: Judged) => finding("partitions", subject, judged);
  const missing = (["outbox", "inbox"] as const).flatMap((name) =>
    [facts.today, facts.tomorrow].filter((day) => !facts[name].includes(day)).map((day) => `${name}_${day}`),
  );
  const kept = (["outbox", "inbox"] as const).flatMap((name) =>
    facts[name].filter((day) => day < facts.keptFrom[name]).map((day) => `${name}_${day}`),
  );
  const findings: Finding[] = [];
  if (missing.length > 0)
    findings.push(
      of({
        verdict: "warning",
        says: `not created yet: ${missing.join(", ")}; the default partition takes their rows`,
        todo: "start the role: it creates them hourly",
      }),
    );
  if (kept.length > 0)
    findings.push(
      of({
        verdict: "warning",
        says: `over their retention and still there: ${kept.join(", ")}`,
        todo: "see the runbook, Disk space: an event in them is unpublished, or the table is locked",
      }),
    );
  if (findings.length === 0)
    findings.push(
      of({ verdict: "ok", says: `${facts.outbox.length} days of outbox, ${facts.inbox.length} of inbox` }),
    );
  return findings;
}

export interface DiskFacts {
  readonly freeBytes: number;
  readonly totalBytes: number;
  readonly path: string;
}

/** `disk`: null where it cannot be known, with the reason. */
export function judgeDisk(
  subject: string,
  databaseBytes: number,
  disk: DiskFacts | { readonly why: string },
): Finding {
  const size = `the database has ${inBytes(databaseBytes)}`;
  if ("why" in disk)
    return finding("disk", subject, { verdict: "not checked", says: `${size}; free space: ${disk.why}` });
  const share = disk.freeBytes / disk.totalBytes;
  const verdict: Verdict =
    share < 0.05 || disk.freeBytes < 0.5 * GIB
      ? "problem"
      : share < 0.1 || disk.freeBytes < 2 * GIB
        ? "warning"
        : "ok";
  return finding("disk", subject, {
    verdict,
    says: `${size}; ${inBytes(disk.freeBytes)} of ${inBytes(disk.totalBytes)} are free at ${disk.path}`,
    ...(verdict === "ok" ? {} : { todo: "make room, or enlarge the disk; see the runbook, Disk space" }),
  });
}

export interface TopicFacts {
  readonly topic: string;
  readonly partitions: number;
  readonly leaderless: number;
  readonly underReplicated: number;
  readonly differences: readonly { readonly name: string; readonly is: string; readonly shouldBe: string }[];
}

export function judgeTopic(topic: string, facts: TopicFacts | undefined): readonly Finding[] {
  const of = (judged: Judged) => finding("topics", topic, judged);
  if (facts === undefined)
    return [of({ verdict: "problem", says: "it does not exist", todo: "checkoutctl topics create" })];
  const { partitions, leaderless, underReplicated, differences } = facts;
  const findings: Finding[] = [];
  if (leaderless > 0)
    findings.push(
      of({
        verdict: "problem",
        says: `${leaderless} of ${partitions} partitions have no leader`,
        todo: "start the missing brokers; see the runbook, Kafka is unavailable",
      }),
    );
  if (underReplicated > 0)
    findings.push(
      of({
        verdict: "warning",
        says: `${underReplicated} of ${partitions} partitions lack a copy`,
        todo: "see the runbook, One of three brokers is lost",
      }),
    );
  for (const { name, is, shouldBe } of differences)
    findings.push(
      of({
        verdict: "warning",
        says: `${name} is ${is}, should be ${shouldBe}`,
        todo: "checkoutctl topics create corrects or explains it",
      }),
    );
  if (findings.length === 0)
    findings.push(of({ verdict: "ok", says: `${partitions} partitions, settings as they should be` }));
  return findings;
}

/** `validTo` in epoch ms. */
export function judgeCertificate(subject: string, validTo: number, now: number): Finding {
  const days = Math.floor((validTo - now) / DAY_MS);
  if (validTo <= now)
    return finding("certificates", subject, {
      verdict: "problem",
      says: `expired ${-days} days ago`,
      todo: "renew the certificate",
    });
  return finding("certificates", subject, {
    verdict: days < CERTIFICATE_WARNING_DAYS ? "warning" : "ok",
    says: `valid for ${days} more days`,
    ...(days < CERTIFICATE_WARNING_DAYS ? { todo: "renew the certificate" } : {}),
  });
}

/** The versions that processes say of themselves, by name; null: it says none. */
export function judgeVersions(
  own: string,
  versions: readonly { readonly name: string; readonly version: string | null }[],
): Finding {
  const others = versions.filter(({ version }) => version !== own);
  if (others.length === 0)
    return finding("versions", "roles", {
      verdict: "ok",
      says: `${versions.length} processes and this checkoutctl run ${own}`,
    });
  const list = others.map(({ name, version }) => `${name} ${version ?? "says none"}`).join(", ");
  return finding("versions", "roles", {
    verdict: "warning",
    says: `this checkoutctl is ${own}, but: ${list}`,
    todo: "finish the rollout, or use the checkoutctl of that release; see the runbook, A new version",
  });
}

/** `1.5 s`, `12 min`. */
export function inWords(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  const seconds = ms / 1_000;
  if (seconds < 120) return `${Number(seconds.toFixed(1))} s`;
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.round(seconds / 3_600)} h` : `${Math.round(seconds / 86_400)} days`;
}

/** `512 MiB`, `1.2 GiB`. */
export function inBytes(bytes: number): string {
  if (bytes >= GIB) return `${(bytes / GIB).toFixed(1)} GiB`;
  return bytes >= 2 ** 20 ? `${Math.round(bytes / 2 ** 20)} MiB` : `${Math.ceil(bytes / 1_024)} KiB`;
}
