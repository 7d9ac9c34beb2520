// Injects and heals each kind of fault. The target is a process that target.ts has proved to be ours, or our own proxy, file or key.
import postgres from "postgres";
import type { System } from "../system.ts";
import type { Clocks } from "./clocks.ts";
import { limitProvider } from "../../internal/faults/provider-faults.ts";
import { failOver, promote } from "../../internal/faults/failover.ts";
import { loseDisk } from "../../internal/faults/disk-lost.ts";
import type { Links } from "./links.ts";
import { masterPort, untilMoved, untilWatched } from "../../internal/faults/redis-failover.ts";
import { flushRedis, spoilRedis } from "../../internal/faults/redis-faults.ts";
import { holdRows } from "../../internal/faults/row-lock.ts";
import { BROKERS, type KindName, type PlannedFault, REDIS } from "./schedule.ts";
import type { SmallDisk } from "./small-disk.ts";
import type { Target } from "./target.ts";

export interface Arena {
  readonly system: System;
  readonly target: Target;
  readonly links: Links;
  readonly clocks: Clocks;
  /** Undefined if this user may not mount. */
  readonly disk: SmallDisk | undefined;
}

/** Ends the fault. The system then has to recover by itself. */
type Heal = () => Promise<void> | void;
type Inject = (arena: Arena, fault: PlannedFault) => Promise<Heal> | Heal;

const MAX_LATENCY_MS = 400;
const MIN_LATENCY_MS = 100;
const MAX_CUT_BYTES = 20_000;
const CUT_EVERY_MS = 1_000;
/** Forward and back; up to more than any deadline, hold or lease of the system. */
const JUMPS_SECONDS = [-3_600, -600, -60, -5, 5, 60, 600, 3_600];
const DUPLICATES_SECONDS = 60;
/** The rate limit of a provider in a 429 storm: far below the load. */
const FEWEST_CALLS_PER_SECOND = 1;
const MOST_CALLS_PER_SECOND = 6;

const nothingToHeal: Heal = () => {};

const kill: Inject = async ({ target }, fault) => {
  await target.running(fault.target);
  target.signal(fault.target, "SIGKILL");
  return nothingToHeal;
};

const pause: Inject = async ({ target }, fault) => {
  await target.running(fault.target);
  target.signal(fault.target, "SIGSTOP");
  return async () => {
    // The other fault of a pair may have killed it meanwhile; SIGCONT does no harm to the restarted process.
    await target.running(fault.target);
    target.signal(fault.target, "SIGCONT");
  };
};

/** Cards and PayPal at once: they are one process, and each has limits of its own. */
async function limitBoth({ addresses }: System, limits: Parameters<typeof limitProvider>[1]): Promise<Heal> {
  const faces = [addresses.paysim, `${addresses.paysim}/paypal`];
  const heals = await Promise.all(faces.map((face) => limitProvider(face, limits)));
  return async () => void (await Promise.all(heals.map((heal) => heal())));
}

const keepDown =
  (names: (fault: PlannedFault) => readonly string[]): Inject =>
  async ({ target }, fault) => {
    await Promise.all(names(fault).map((name) => target.running(name)));
    for (const name of names(fault)) target.hold(name);
    return () => {
      for (const name of names(fault)) target.release(name);
    };
  };

function sentinelsOf({ addresses }: System): string {
  if (addresses.redis_sentinels === undefined) throw new Error("the stack has no Sentinels");
  return addresses.redis_sentinels;
}

/** The name of the server at the port that the Sentinels tell. */
function redisAt({ links }: Arena, port: number | undefined): string {
  const found = REDIS.find((name) => links.find(`everybody:${name}`).port === port);
  if (found === undefined) throw new Error(`there is no Redis at the port ${port}`);
  return found;
}

/** The Redis that is the master: its name, and its address without the proxy. */
async function redisMaster(arena: Arena): Promise<{ readonly name: string; readonly url: string }> {
  const name = redisAt(arena, await masterPort(sentinelsOf(arena.system)));
  await arena.target.running(name);
  const url = new URL(arena.system.addresses.redis);
  url.port = String(arena.target.find(name).ports["redis"]);
  return { name, url: url.href };
}

/** The same fault, of the Redis that is the master. */
const ofMaster =
  (fault: Inject): Inject =>
  async (arena, planned) =>
    fault(arena, { ...planned, target: (await redisMaster(arena)).name });

/** The mail catcher simulates it (internal/stack/servers/mail-faults.ts). A restarted mail catcher has no faults. */
async function breakMail(target: Target, system: System, faults: object): Promise<Heal> {
  const put = async (what: object) => {
    await target.running("mail");
    const answer = await fetch(`${system.addresses.mail}/faults`, {
      method: "PUT",
      body: JSON.stringify(what),
    });
    if (!answer.ok) throw new Error(`the mail catcher rejected ${JSON.stringify(what)}: ${answer.status}`);
  };
  await put(faults);
  return () => put({});
}

const INJECTORS: Readonly<Record<KindName, Inject>> = {
  "service kill": kill,
  "relay kill": kill,
  "provider kill": kill,
  "mail server kill": kill,
  "Postgres kill": kill,
  "Redis kill": ofMaster(kill),
  async "Redis failover"(arena) {
    const { system, target } = arena;
    const sentinels = sentinelsOf(system);
    // After an earlier fault the replica may not be one yet.
    const from = await untilWatched(sentinels);
    const name = redisAt(arena, from);
    target.hold(name);
    await untilMoved(sentinels, from);
    return () => target.release(name);
  },
  async "Postgres failover"({ system, target }, fault) {
    await target.running(fault.target);
    const url = system.addresses.postgres[fault.target.replace("postgres-", "")] ?? "";
    await failOver(target, fault.target, url);
    return () => promote(url);
  },
  async "Postgres disk lost"({ target }, fault) {
    const names = [fault.target, `${fault.target}-standby`];
    await Promise.all(names.map((name) => target.running(name)));
    const pair = names.map((name) => ({ name, url: target.find(name).address }));
    const { lost } = await loseDisk(target, pair);
    return () => target.release(lost);
  },
  async "service restart"({ target }, fault) {
    await target.running(fault.target);
    await target.restart(fault.target);
    return nothingToHeal;
  },
  "service pause": pause,
  "provider pause": pause,
  async "provider 429 storm"({ system, target }, { strength }) {
    await target.running("paysim");
    const span = MOST_CALLS_PER_SECOND - FEWEST_CALLS_PER_SECOND;
    const calls_per_second = FEWEST_CALLS_PER_SECOND + strength * span;
    return limitBoth(system, { calls_per_second });
  },
  async "provider 503 storm"({ system, target }, { strength }) {
    await target.running("paysim");
    const unavailable_rate = (1 + strength) / 2;
    return limitBoth(system, { unavailable_rate, retry_after_seconds: 1 });
  },
  "mail server pause": pause,
  "mail server slow": ({ target, system }, fault) =>
    breakMail(target, system, {
      delay_ms: 200 + Math.floor(fault.strength * 1_800),
      later_share: 0.2,
      per_second: 20,
    }),
  "mail server refuses": ({ target, system }) => breakMail(target, system, { refuses: true }),
  "Postgres pause": pause,
  "Redis pause": ofMaster(pause),
  async "row lock"({ system, target: stack }, { target }) {
    await stack.running(target);
    return holdRows(system.addresses.postgres[target.replace("postgres-", "")] ?? "", target);
  },
  "Kafka leader pause": pause,
  // With 16 partitions on three brokers, each broker leads some.
  "Kafka leader kill": keepDown((fault) => [fault.target]),
  "two brokers kill": keepDown((fault) => BROKERS.filter((broker) => broker !== fault.target)),
  "all brokers kill": keepDown(() => BROKERS),
  async "Redis flush"(arena) {
    const { url } = await redisMaster(arena);
    await flushRedis(url);
    return nothingToHeal;
  },
  async "Redis wrong answers"(arena) {
    const { url } = await redisMaster(arena);
    return spoilRedis(url);
  },
  "link latency"({ links }, { target, strength }) {
    const link = links.find(target);
    link.latencyMs = MIN_LATENCY_MS + strength * (MAX_LATENCY_MS - MIN_LATENCY_MS);
    return () => void (link.latencyMs = 0);
  },
  "link reset"({ links }, { target }) {
    links.find(target).reset();
    return nothingToHeal;
  },
  "link blackhole"({ links }, { target }) {
    const link = links.find(target);
    link.stall();
    return () => link.resume();
  },
  "link cut"({ links }, { target, strength }) {
    const link = links.find(target);
    const cut = () => link.cutAfter(1 + Math.floor(strength * MAX_CUT_BYTES));
    cut();
    const again = setInterval(cut, CUT_EVERY_MS);
    return () => {
      clearInterval(again);
      link.cutAfter(Number.POSITIVE_INFINITY);
    };
  },
  async "disk full"({ disk }) {
    if (disk === undefined) throw new Error("there is no small disk to fill");
    await disk.fill();
    return () => disk.empty();
  },
  "clock jump"({ clocks }, { target, strength }) {
    clocks.set(target, JUMPS_SECONDS[Math.floor(strength * JUMPS_SECONDS.length)] ?? 0);
    return () => clocks.set(target, 0);
  },
  async duplicates({ system, target: stack }, { target }) {
    await stack.running(target);
    // As `checkoutctl outbox republish` does: the relay sees unpublished events, and Kafka gets new records.
    const url = system.addresses.postgres[target.replace("postgres-", "")] ?? "";
    const sql = postgres(url, { max: 1, onnotice: () => {} });
    await sql`
      update outbox set published = false, published_at = null
       where published and event_id >= uuid_v7_floor(now() - make_interval(secs => ${DUPLICATES_SECONDS}))`;
    await sql.end();
    return nothingToHeal;
  },
};

/** Throws and does nothing if the target cannot be proved to be ours. */
export async function inject(arena: Arena, fault: PlannedFault): Promise<Heal> {
  return INJECTORS[fault.kind](arena, fault);
}
