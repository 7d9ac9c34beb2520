// The scenarios of `bun run bench` as data: the load, the stack it needs, the disturbance, and the claims under this load. All are run
// by run.ts.
import type { LoadOptions } from "./load.ts";
import * as claims from "./claims.ts";
import { type Disturbance, providerOutage, relayOutage } from "./disturbances.ts";
import type { RunRecord, ClaimResult } from "./record.ts";

export interface Scenario {
  readonly about: string;
  readonly load: LoadOptions;
  /** The default latency of the payment provider. */
  readonly latency?: string;
  /** Settings of the stack; the scenario then gets its own stack. */
  readonly up?: readonly string[];
  /** A new stack without any warm-up. */
  readonly isCold?: boolean;
  readonly disturbance?: Disturbance;
  readonly isIdle?: boolean;
  readonly memoryOverTime?: boolean;
  /** Shoppers may get 503 until they give up. */
  readonly mayRefuse?: boolean;
  /** Searches the highest rate in steps: see ramp.ts. */
  readonly isRamp?: boolean;
  /** Checks the claims under this load. With `--require-target` a missed claim makes the exit code 1. */
  readonly judge?: (run: RunRecord, earlier: readonly RunRecord[]) => readonly ClaimResult[];
}

/** 10,000 orders a minute. */
export const TARGET_RATE = 167;
/** 55,000 reads a minute beside 10,000 orders. */
const READS_PER_ORDER = 5.5;
const AT_ONCE = 10_000;
const SCARCE = 100;
const BACKLOG = 100_000;
const RELAY_OUTAGE_SECONDS = 300;
const SOAK_SECONDS = 1_800;

const STEADY: LoadOptions = {
  ratePerSecond: TARGET_RATE,
  warmUpSeconds: 5,
  measuredSeconds: 30,
  linesPerCart: 1,
};

export const SATURATION: LoadOptions = {
  ratePerSecond: 20_000,
  warmUpSeconds: 5,
  measuredSeconds: 20,
  linesPerCart: 1,
  // Enough open sagas to fill every batch, and few enough that the queue is bounded.
  maxOpenSagas: 4_000,
};

/** Accepts all checkouts and gives them the longest possible deadline. */
const UNLIMITED = [
  "--set",
  "orchestrator.INTAKE_MAX_OPEN_SAGAS=1000000",
  "--set",
  "orchestrator.INTAKE_MAX_UNPUBLISHED=10000000",
  "--set",
  "orchestrator.FORWARD_DEADLINE_MS=240000",
];

/** Without this the roles publish by themselves, and nothing waits for a relay. */
const LEFT_TO_THE_RELAY = ["orchestrator", "inventory", "payment", "order"].flatMap((role) => [
  "--set",
  `${role}.PUBLISH_AFTER_COMMIT=false`,
]);

export const SCENARIOS: Readonly<Record<string, Scenario>> = {
  saturate: { about: "as many orders as the machine can process, one item each", load: SATURATION },
  steady: { about: "10,000 orders a minute, one item each", load: STEADY, judge: claims.heldRate },
  ramp: {
    about: "the highest rate with p99 under 3 s, searched in steps of --seconds",
    load: { ...STEADY, warmUpSeconds: 3, measuredSeconds: 10 },
    isRamp: true,
  },
  "flash-sale": {
    about: "10,000 checkouts at once for 100 units of one item",
    load: { ...STEADY, atOnce: AT_ONCE, scarceStock: SCARCE },
    judge: claims.flashSale,
  },
  "flash-sale-plenty": {
    about: "10,000 checkouts at once for one item with plenty of stock",
    load: { ...STEADY, atOnce: AT_ONCE, scarceStock: 2 * AT_ONCE },
    judge: claims.flashSale,
  },
  "big-carts": {
    about: "as many orders as the machine can process, five lines each",
    load: { ...SATURATION, linesPerCart: 5 },
  },
  "big-carts-20": {
    about: "as many orders as the machine can process, twenty lines each",
    load: { ...SATURATION, linesPerCart: 20 },
  },
  compensation: {
    about: "3,000 checkouts a minute with a declined card: the time of compensation",
    load: { ...STEADY, ratePerSecond: 50, card: "pm_card_visa_chargeDeclined" },
    judge: claims.undone,
  },
  "provider-outage": {
    about: "the payment provider answers 503 in the middle third of the time",
    load: { ...STEADY, measuredSeconds: 60 },
    disturbance: providerOutage,
    mayRefuse: true,
  },
  "relay-outage": {
    about:
      "only the relay publishes and is down for --seconds (300); then the publishing rate of the backlog",
    load: { ...STEADY, measuredSeconds: RELAY_OUTAGE_SECONDS, drainSeconds: 900 },
    up: [...UNLIMITED, ...LEFT_TO_THE_RELAY],
    disturbance: relayOutage,
  },
  duplicates: {
    about: "10,000 orders a minute, one in ten sent twice at once",
    load: { ...STEADY, duplicateShare: 0.1 },
    judge: claims.notDoubled,
  },
  browse: {
    about: "10,000 orders and 55,000 reads of status and products a minute",
    load: { ...STEADY, readsPerOrder: READS_PER_ORDER },
    judge: claims.heldRateBesideReads,
  },
  "cold-start": {
    about: "the first 200 checkouts of a new system, 40 a second",
    load: { ...STEADY, ratePerSecond: 40, warmUpSeconds: 0, measuredSeconds: 5 },
    isCold: true,
    judge: claims.coldStart,
  },
  idle: {
    about: "CPU and memory of the whole system when nothing happens",
    load: { ...STEADY, ratePerSecond: 0, warmUpSeconds: 10 },
    isIdle: true,
    judge: claims.idle,
  },
  soak: {
    about: "10,000 orders a minute for half an hour: do memory and latency stay flat",
    load: { ...STEADY, measuredSeconds: SOAK_SECONDS },
    memoryOverTime: true,
    judge: claims.soak,
  },
  backlog: {
    about: "100,000 checkouts (--orders) accepted at once: orders a second until all are done",
    load: { ...STEADY, atOnce: BACKLOG, drainSeconds: 1_800 },
    latency: "fixed:200",
    up: UNLIMITED,
    judge: claims.backlog,
  },
};

/** The scenarios of `bun run bench` without arguments. */
export const DEFAULT_SCENARIOS = ["saturate", "steady", "compensation"] as const;
