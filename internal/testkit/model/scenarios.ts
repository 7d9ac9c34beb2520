// Which faults are explored together. Each kind multiplies the states, so each scenario has only some of them.
import { assertNever } from "../../kernel/errors.ts";
import type { Protection } from "./rules.ts";
import type { Budget } from "./world.ts";

export interface Scenario {
  readonly name: string;
  readonly sagas: 1 | 2;
  readonly budget: Budget;
  /** 0 for free checkouts. */
  readonly priceCents?: number;
  /** The bank wants each charge confirmed by its shopper, who confirms, refuses, does both, asks for more time, comes late or never. */
  readonly isConfirmed?: boolean;
  /** Begins when the checkouts are completed. */
  readonly isCompleted?: boolean;
}

export const CALM: Budget = {
  resends: 0,
  redeliveries: 0,
  deadLetters: 0,
  providerFaults: 0,
  keyExpiries: 0,
  operatorCancels: 0,
  orderCancels: 0,
  shipments: 0,
  returns: 0,
  moreTime: 0,
};

export const SCENARIOS: readonly Scenario[] = [
  {
    name: "one saga, faults of the provider",
    sagas: 1,
    budget: { ...CALM, resends: 1, redeliveries: 1, deadLetters: 1, providerFaults: 2, keyExpiries: 1 },
  },
  {
    name: "one saga, faults of messages and operators",
    sagas: 1,
    budget: { ...CALM, resends: 2, redeliveries: 1, deadLetters: 1, providerFaults: 1, operatorCancels: 1 },
  },
  {
    name: "one saga that costs nothing",
    sagas: 1,
    priceCents: 0,
    budget: { ...CALM, resends: 2, redeliveries: 2, deadLetters: 1, operatorCancels: 1 },
  },
  {
    name: "one saga whose bank asks for the shopper, faults of the provider",
    sagas: 1,
    isConfirmed: true,
    budget: { ...CALM, resends: 1, providerFaults: 1, operatorCancels: 1, moreTime: 2 },
  },
  {
    name: "one saga whose bank asks for the shopper, faults of messages",
    sagas: 1,
    isConfirmed: true,
    budget: { ...CALM, resends: 1, redeliveries: 1, operatorCancels: 1, moreTime: 2 },
  },
  {
    name: "one saga whose order is cancelled, from its checkout on",
    sagas: 1,
    budget: { ...CALM, resends: 2, deadLetters: 1, orderCancels: 1, shipments: 1 },
  },
  {
    name: "one order that is cancelled, faults of messages",
    sagas: 1,
    isCompleted: true,
    budget: { ...CALM, resends: 4, redeliveries: 1, orderCancels: 3, shipments: 2 },
  },
  {
    name: "one order that is cancelled, faults of the provider",
    sagas: 1,
    isCompleted: true,
    budget: { ...CALM, resends: 2, providerFaults: 3, keyExpiries: 1, orderCancels: 1, shipments: 1 },
  },
  {
    name: "one order that is sent, comes back and is cancelled",
    sagas: 1,
    isCompleted: true,
    budget: { ...CALM, resends: 3, redeliveries: 1, orderCancels: 2, shipments: 2, returns: 2 },
  },
  {
    name: "one order that costs nothing and is cancelled",
    sagas: 1,
    priceCents: 0,
    isCompleted: true,
    budget: { ...CALM, resends: 2, redeliveries: 2, orderCancels: 2, shipments: 1, returns: 1 },
  },
  {
    name: "two sagas that want the same last unit",
    sagas: 2,
    budget: { ...CALM, redeliveries: 1, deadLetters: 1 },
  },
];

/** The fewest faults with which this protection is needed. */
export function withoutProtectionScenario(protection: Protection): Scenario {
  const base = { name: `without ${protection}`, sagas: 1 as const };
  switch (protection) {
    case "tombstone":
    case "confirm":
    case "cancel-before-release":
    case "undo of the step under way":
      return { ...base, budget: CALM };
    case "unknown-is-not-failed":
      return { ...base, budget: { ...CALM, providerFaults: 1 } };
    case "search after the key's life":
      return { ...base, budget: { ...CALM, providerFaults: 1, keyExpiries: 1 } };
    case "terminal guard":
      return { ...base, budget: CALM };
    case "inbox":
      return { ...base, sagas: 2, budget: { ...CALM, redeliveries: 1 } };
    case "no cancel of a parcel":
    case "order before its refund":
      return { ...base, isCompleted: true, budget: { ...CALM, orderCancels: 1, shipments: 1 } };
    case "refund before its end":
      return { ...base, isCompleted: true, budget: { ...CALM, orderCancels: 1 } };
    case "one cancellation at a time":
      return { ...base, isCompleted: true, budget: { ...CALM, orderCancels: 2 } };
    case "late cancel is refunded":
      return {
        ...base,
        isCompleted: true,
        budget: { ...CALM, resends: 1, orderCancels: 1, shipments: 1, returns: 1 },
      };
    case "a cancellation ends once":
      return { ...base, isCompleted: true, budget: { ...CALM, resends: 1, orderCancels: 1 } };
    case "more time only while waiting":
      return { ...base, isConfirmed: true, budget: { ...CALM, moreTime: 1 } };
    default:
      return assertNever(protection);
  }
}
