// Plans all faults of a run from the seed before anything starts: kind, order, target and duration. So a run with a finding can be
// repeated. Pure.
import { between, pick, seeded, shuffled } from "../../internal/kernel/random.ts";

const SERVICES = ["gateway", "orchestrator", "inventory", "payment", "order", "notification"] as const;
export const DATABASES = ["saga", "inventory", "payment", "order"] as const;
export const BROKERS = ["kafka-1", "kafka-2", "kafka-3"] as const;
/** Roles with an adjustable clock: their decisions depend on time, or they send timestamps. */
export const CLOCKED = ["orchestrator", "inventory", "payment", "order", "relay"] as const;
const POSTGRES = DATABASES.map((name) => `postgres-${name}` as const);
/** Those that get a standby, if the loss of a disk is among the faults. Which other faults hit them: see targetsOf. */
const WITH_STANDBY = ["postgres-saga", "postgres-payment"] as const;
/** Including the one that only stores waiting mails. */
const EVERY_POSTGRES = [...POSTGRES, "postgres-notification"] as const;

/** With Sentinels, one of them is the master and the other its replica. */
export const REDIS = ["redis", "redis-2"] as const;

/** All links with a proxy. All clients of a broker share one, and so do the other brokers; everybody who reaches a Redis shares one. */
export const LINKS = [
  "gateway:orchestrator",
  "payment:paysim",
  "paysim:payment",
  "notification:mail",
  ...REDIS.map((server) => `everybody:${server}`),
  "orchestrator:postgres-saga",
  ...["inventory", "payment", "order", "notification"].map((role) => `${role}:postgres-${role}`),
  ...POSTGRES.map((server) => `relay:${server}`),
  ...BROKERS.flatMap((broker) => [`clients:${broker}`, `brokers:${broker}`]),
] as const;

/** One kind of fault; faults.ts injects it. */
interface Kind {
  /** Its share of all faults. */
  readonly weight: number;
  readonly targets: readonly string[];
  /** Minimum and maximum duration in seconds; null for faults without a duration. */
  readonly holds: readonly [number, number] | null;
  /** The start of the recovery time. A fault that the system should survive counts from its injection. */
  readonly countsFrom: "injection" | "heal";
}

const AT_ONCE = { holds: null, countsFrom: "injection" } as const;

export const KINDS = {
  "service kill": { weight: 8, targets: SERVICES, ...AT_ONCE },
  "relay kill": { weight: 4, targets: ["relay"], ...AT_ONCE },
  "service restart": { weight: 3, targets: [...SERVICES, "relay"], ...AT_ONCE },
  "service pause": { weight: 4, targets: [...SERVICES, "relay"], holds: [10, 60], countsFrom: "heal" },
  "provider kill": { weight: 1, targets: ["paysim"], ...AT_ONCE },
  "provider pause": { weight: 1, targets: ["paysim"], holds: [10, 30], countsFrom: "heal" },
  "provider 429 storm": { weight: 1, targets: ["paysim"], holds: [10, 20], countsFrom: "heal" },
  "provider 503 storm": { weight: 1, targets: ["paysim"], holds: [10, 20], countsFrom: "heal" },
  "mail server kill": { weight: 1, targets: ["mail"], ...AT_ONCE },
  "mail server slow": { weight: 1, targets: ["mail"], holds: [10, 30], countsFrom: "injection" },
  "mail server refuses": { weight: 1, targets: ["mail"], holds: [8, 15], countsFrom: "injection" },
  "mail server pause": { weight: 1, targets: ["mail"], holds: [10, 30], countsFrom: "heal" },
  "Postgres kill": { weight: 6, targets: EVERY_POSTGRES, ...AT_ONCE },
  "Postgres pause": { weight: 2, targets: EVERY_POSTGRES, holds: [10, 30], countsFrom: "heal" },
  "row lock": { weight: 2, targets: POSTGRES, holds: [8, 15], countsFrom: "heal" },
  // The duration is the time with a read-only standby.
  "Postgres failover": { weight: 2, targets: EVERY_POSTGRES, holds: [3, 8], countsFrom: "heal" },
  // The standby is promoted at once. The duration is the time until a new one is built.
  "Postgres disk lost": { weight: 2, targets: WITH_STANDBY, holds: [3, 8], countsFrom: "injection" },
  // The target of each is the server that is the master then.
  "Redis kill": { weight: 3, targets: ["redis"], ...AT_ONCE },
  // The duration is the time from the promotion of the replica to the return of the old master.
  "Redis failover": { weight: 2, targets: ["redis"], holds: [1, 5], countsFrom: "injection" },
  "Redis pause": { weight: 2, targets: ["redis"], holds: [10, 20], countsFrom: "injection" },
  "Redis flush": { weight: 1, targets: ["redis"], ...AT_ONCE },
  "Redis wrong answers": { weight: 2, targets: ["redis"], holds: [3, 8], countsFrom: "injection" },
  "Kafka leader kill": { weight: 4, targets: BROKERS, holds: [12, 18], countsFrom: "injection" },
  "Kafka leader pause": { weight: 2, targets: BROKERS, holds: [10, 30], countsFrom: "heal" },
  "two brokers kill": { weight: 1, targets: BROKERS, holds: [5, 10], countsFrom: "heal" },
  "all brokers kill": { weight: 1, targets: ["kafka"], holds: [3, 6], countsFrom: "heal" },
  "link latency": { weight: 3, targets: LINKS, holds: [8, 15], countsFrom: "heal" },
  "link reset": { weight: 3, targets: LINKS, ...AT_ONCE },
  "link blackhole": { weight: 3, targets: LINKS, holds: [8, 25], countsFrom: "heal" },
  "link cut": { weight: 3, targets: LINKS, holds: [4, 8], countsFrom: "heal" },
  "disk full": { weight: 2, targets: POSTGRES, holds: [10, 20], countsFrom: "heal" },
  "clock jump": { weight: 3, targets: CLOCKED, holds: [8, 15], countsFrom: "heal" },
  duplicates: { weight: 3, targets: POSTGRES, ...AT_ONCE },
} as const satisfies Readonly<Record<string, Kind>>;
export type KindName = keyof typeof KINDS;
export const KIND_NAMES = Object.keys(KINDS).filter((name): name is KindName => Object.hasOwn(KINDS, name));

export interface PlannedFault {
  readonly kind: KindName;
  readonly target: string;
  readonly holdMs: number;
  /** The strength in [0, 1); its meaning depends on the kind. */
  readonly strength: number;
  /** True if the next fault starts before this one ends: a pair. */
  readonly overlapsNext: boolean;
}

export interface Schedule {
  readonly faults: readonly PlannedFault[];
  /** The Postgres with its own disk, small enough to fill. */
  readonly smallDisk: string;
  /** The servers that have a synchronous standby. */
  readonly standbys: readonly string[];
}

/** The share of faults that overlap with the next one. */
const PAIR_SHARE = 1 / 8;

/** The number of processes by role. Default: one. */
export type Replicas = Readonly<Record<string, number>>;

/** Parses `payment=2,relay=3`; null for invalid text. The stack checks the role names. */
export function parseReplicas(text: string): Replicas | null {
  const pairs = text.split(",").map((part) => /^([a-z]+)=([1-9]\d?)$/.exec(part));
  return pairs.includes(null)
    ? null
    : Object.fromEntries(pairs.map((pair) => [pair?.[1] ?? "", Number(pair?.[2])]));
}

/**
 * Plans `count` faults of all kinds except `without`. Each kind gets its share, rounded to whole faults, and from 60 faults on at least
 * one. The same arguments give the same schedule.
 */
export function planFaults(
  count: number,
  seed: number,
  without: ReadonlySet<KindName> = new Set(),
  only: readonly KindName[] = [],
  replicas: Replicas = {},
): Schedule {
  const random = seeded(seed);
  const kinds = (only.length > 0 ? only : KIND_NAMES).filter((kind) => !without.has(kind));
  const smallDisk = pick(random, [
    "postgres-order",
    "postgres-inventory",
    "postgres-payment",
    "postgres-saga",
  ]);
  const standbys = kinds.includes("Postgres disk lost")
    ? WITH_STANDBY.filter((server) => server !== smallDisk)
    : [];
  const order = shuffled(random, deal(count, kinds));
  const faults = order.map((kind, index): PlannedFault => {
    const { holds }: Kind = KINDS[kind];
    const [least, most] = holds ?? [0, 0];
    const picked = kind === "disk full" ? smallDisk : pick(random, targetsOf(kind, smallDisk, standbys));
    const holdMs = between(random, least * 1_000, most * 1_000);
    const strength = random();
    return {
      kind,
      // All replicas of a role share one clock file.
      target: kind === "clock jump" ? picked : oneOf(picked, replicas, strength),
      holdMs,
      strength,
      overlapsNext: random() < PAIR_SHARE && !isAlone(kind) && !isAlone(order[index + 1]),
    };
  });
  return { faults, smallDisk, standbys };
}

/** One of a role's replicas, selected by `share` in [0, 1). Draws no random number, so replicas do not change the schedule. */
function oneOf(role: string, replicas: Replicas, share: number): string {
  const number = 1 + Math.floor(share * (replicas[role] ?? 1));
  return number === 1 ? role : `${role}-${number}`;
}

/**
 * Both kinds replace the data directory, which is not possible if a disk is mounted on it. A failover makes a standby of its own, which a
 * server that has one already would not wait for.
 */
function targetsOf(kind: KindName, smallDisk: string, standbys: readonly string[]): readonly string[] {
  const { targets }: Kind = KINDS[kind];
  if (kind === "Postgres disk lost") return standbys;
  return kind === "Postgres failover"
    ? targets.filter((target) => target !== smallDisk && !standbys.includes(target))
    : targets;
}

/** These consist of a kill and a promotion; another fault in between would hit an incomplete server, or the one to promote. */
function isAlone(kind: KindName | undefined): boolean {
  return kind === "Postgres failover" || kind === "Postgres disk lost" || kind === "Redis failover";
}

/** Distributes `count` over the kinds by weight: at least one of each if possible, then by largest remainder. */
function deal(count: number, kinds: readonly KindName[]): KindName[] {
  const total = kinds.reduce((sum, kind) => sum + KINDS[kind].weight, 0);
  const shares = kinds.map((kind) => ({ kind, due: (count * KINDS[kind].weight) / total, dealt: 0 }));
  const most = () => shares.reduce((a, b) => (owed(b) > owed(a) ? b : a));
  const owed = ({ due, dealt }: (typeof shares)[number]) =>
    count >= kinds.length && dealt === 0 ? Number.POSITIVE_INFINITY : due - dealt;
  const dealt: KindName[] = [];
  while (dealt.length < count) {
    const next = most();
    next.dealt += 1;
    dealt.push(next.kind);
  }
  return dealt;
}
