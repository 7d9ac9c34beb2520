// Which faults, in which order, on whom and for how long: all of it follows from the seed, before anything is started, so that a
// run that found something can be run again. Pure.
import { between, pick, seeded, shuffled } from "../../internal/kernel/random.ts";

const SERVICES = ["gateway", "orchestrator", "inventory", "payment", "order", "notification"] as const;
export const DATABASES = ["saga", "inventory", "payment", "order"] as const;
export const BROKERS = ["kafka-1", "kafka-2", "kafka-3"] as const;
/** Roles whose clock can be set: their decisions hang on time, or they put it into what they send. */
export const CLOCKED = ["orchestrator", "inventory", "payment", "order", "relay"] as const;
const POSTGRES = DATABASES.map((name) => `postgres-${name}` as const);
/** With the one that only mails need which have to wait. */
const EVERY_POSTGRES = [...POSTGRES, "postgres-notification"] as const;

/** Who talks to whom; a proxy lies in each of these. All clients of a broker share one, and so do the other brokers. */
export const LINKS = [
  "gateway:orchestrator",
  "payment:paysim",
  "paysim:payment",
  "notification:mail",
  ...["orchestrator", "inventory", "payment", "order", "notification"].map((role) => `${role}:redis`),
  "orchestrator:postgres-saga",
  ...["inventory", "payment", "order", "notification"].map((role) => `${role}:postgres-${role}`),
  ...POSTGRES.map((server) => `relay:${server}`),
  ...BROKERS.flatMap((broker) => [`clients:${broker}`, `brokers:${broker}`]),
] as const;

/** What one kind of fault is about; faults.ts knows how it is done. */
interface Kind {
  /** Its share of all faults. */
  readonly weight: number;
  readonly targets: readonly string[];
  /** How long it is kept up, in seconds, from the least to the most; null for what is over at once. */
  readonly holds: readonly [number, number] | null;
  /** From when recovery counts: a fault that the system should live through counts from its injection. */
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
  // Held: how long only reads are answered.
  "Postgres failover": { weight: 2, targets: EVERY_POSTGRES, holds: [3, 8], countsFrom: "heal" },
  "Redis kill": { weight: 3, targets: ["redis"], ...AT_ONCE },
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
  /** In [0, 1): how strong, in whatever the kind measures. */
  readonly strength: number;
  /** The next fault does not wait until this one is over: a pair. */
  readonly overlapsNext: boolean;
}

export interface Schedule {
  readonly faults: readonly PlannedFault[];
  /** The one Postgres that has a disk of its own, small enough to be filled. */
  readonly smallDisk: string;
}

/** One fault in so many is joined by the next one. */
const PAIR_SHARE = 1 / 8;

/** How many processes a role has; one where nothing is said. */
export type Replicas = Readonly<Record<string, number>>;

/** `payment=2,relay=3`; null for anything else. Whether there are such roles the stack says. */
export function parseReplicas(text: string): Replicas | null {
  const pairs = text.split(",").map((part) => /^([a-z]+)=([1-9]\d?)$/.exec(part));
  return pairs.includes(null)
    ? null
    : Object.fromEntries(pairs.map((pair) => [pair?.[1] ?? "", Number(pair?.[2])]));
}

/**
 * `count` faults of the kinds that are not `without`, each with its share as near as whole numbers allow and, from 60 faults
 * on, each at least once. The same arguments give the same schedule.
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
  const order = shuffled(random, deal(count, kinds));
  const faults = order.map((kind, index): PlannedFault => {
    const { holds }: Kind = KINDS[kind];
    const [least, most] = holds ?? [0, 0];
    const picked = kind === "disk full" ? smallDisk : pick(random, targetsOf(kind, smallDisk));
    const holdMs = between(random, least * 1_000, most * 1_000);
    const strength = random();
    return {
      kind,
      // A role's replicas share what sets their clock.
      target: kind === "clock jump" ? picked : oneOf(picked, replicas, strength),
      holdMs,
      strength,
      overlapsNext: random() < PAIR_SHARE && !isAlone(kind) && !isAlone(order[index + 1]),
    };
  });
  return { faults, smallDisk };
}

/** One of a role's replicas, by a number in [0, 1); the same in each run whether or not there are several. */
function oneOf(role: string, replicas: Replicas, share: number): string {
  const number = 1 + Math.floor(share * (replicas[role] ?? 1));
  return number === 1 ? role : `${role}-${number}`;
}

/** A standby is made of a data directory that can be replaced; one that a disk is mounted on cannot. */
function targetsOf(kind: KindName, smallDisk: string): readonly string[] {
  const { targets }: Kind = KINDS[kind];
  return kind === "Postgres failover" ? targets.filter((target) => target !== smallDisk) : targets;
}

/** A failover is a kill and a promotion already, and what is done to the server between them would be done to a part of it. */
function isAlone(kind: KindName | undefined): boolean {
  return kind === "Postgres failover";
}

/** Whole numbers of each kind by its weight: at least one of each where there is room, the largest remainders first. */
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
