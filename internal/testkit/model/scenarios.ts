// Which faults are explored together. Each kind multiplies the states, so each scenario has only some of them.
import { assertNever } from "../../kernel/errors.ts";
import type { Protection } from "./rules.ts";
import type { Budget, ProviderName, SagaTable } from "./world.ts";

/** The table of the saga of each checkout: of one checkout or of two. */
export type Tables = readonly [SagaTable] | readonly [SagaTable, SagaTable];

export interface Scenario {
  readonly name: string;
  readonly tables: Tables;
  readonly budget: Budget;
  /** 0 for free checkouts. */
  readonly priceCents?: number;
  /** The bank wants each charge confirmed by its shopper, who confirms, refuses, does both, asks for more time, comes late or never. */
  readonly isConfirmed?: boolean;
  /** The provider of each checkout. Default: stripe. */
  readonly providers?: readonly ProviderName[];
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
  endedHolds: 0,
  reviews: 0,
  forgottenOrders: 0,
};
const PAYPAL = { providers: ["paypal"] as const, isConfirmed: true };

export const SCENARIOS: readonly Scenario[] = [
  {
    name: "one saga, faults of the provider",
    tables: [1],
    budget: { ...CALM, resends: 1, redeliveries: 1, deadLetters: 1, providerFaults: 2, keyExpiries: 1 },
  },
  {
    name: "one saga, faults of messages and operators",
    tables: [1],
    budget: { ...CALM, resends: 2, redeliveries: 1, deadLetters: 1, providerFaults: 1, operatorCancels: 1 },
  },
  {
    name: "one saga that holds the money first, faults of the provider",
    tables: [2],
    budget: { ...CALM, resends: 1, providerFaults: 2, endedHolds: 1 },
  },
  {
    name: "one saga that holds the money first, faults of messages and operators",
    tables: [2],
    budget: { ...CALM, resends: 2, redeliveries: 1, deadLetters: 1, providerFaults: 1, operatorCancels: 1 },
  },
  {
    name: "one saga that holds the money first, whose provider forgets its keys",
    tables: [2],
    budget: { ...CALM, resends: 1, redeliveries: 1, providerFaults: 1, keyExpiries: 1, endedHolds: 1 },
  },
  {
    name: "one saga that holds the money first and costs nothing",
    tables: [2],
    priceCents: 0,
    budget: { ...CALM, resends: 2, redeliveries: 2, deadLetters: 1, operatorCancels: 1 },
  },
  {
    name: "one saga that holds the money first, whose bank asks for the shopper",
    tables: [2],
    isConfirmed: true,
    budget: { ...CALM, resends: 1, redeliveries: 1, operatorCancels: 1, moreTime: 2, endedHolds: 1 },
  },
  {
    name: "one saga that holds the money first, whose bank asks for the shopper, faults of the provider",
    tables: [2],
    isConfirmed: true,
    budget: { ...CALM, resends: 1, providerFaults: 1, moreTime: 1 },
  },
  {
    name: "one saga that held the money first and whose order is cancelled",
    tables: [2],
    budget: { ...CALM, resends: 1, providerFaults: 1, orderCancels: 1, shipments: 1 },
  },
  {
    name: "one saga that costs nothing",
    tables: [1],
    priceCents: 0,
    budget: { ...CALM, resends: 2, redeliveries: 2, deadLetters: 1, operatorCancels: 1 },
  },
  {
    name: "one saga whose bank asks for the shopper, faults of the provider",
    tables: [1],
    isConfirmed: true,
    budget: { ...CALM, resends: 1, providerFaults: 1, operatorCancels: 1, moreTime: 2 },
  },
  {
    name: "one saga whose bank asks for the shopper, faults of messages",
    tables: [1],
    isConfirmed: true,
    budget: { ...CALM, resends: 1, redeliveries: 1, operatorCancels: 1, moreTime: 2 },
  },
  {
    name: "one saga whose order is cancelled, from its checkout on",
    tables: [1],
    budget: { ...CALM, resends: 2, deadLetters: 1, orderCancels: 1, shipments: 1 },
  },
  {
    name: "one order that is cancelled, faults of messages",
    tables: [1],
    isCompleted: true,
    budget: { ...CALM, resends: 4, redeliveries: 1, orderCancels: 3, shipments: 2 },
  },
  {
    name: "one order that is cancelled, faults of the provider",
    tables: [1],
    isCompleted: true,
    budget: { ...CALM, resends: 2, providerFaults: 3, keyExpiries: 1, orderCancels: 1, shipments: 1 },
  },
  {
    name: "one order that is sent, comes back and is cancelled",
    tables: [1],
    isCompleted: true,
    budget: { ...CALM, resends: 3, redeliveries: 1, orderCancels: 2, shipments: 2, returns: 2 },
  },
  {
    name: "one order that costs nothing and is cancelled",
    tables: [1],
    priceCents: 0,
    isCompleted: true,
    budget: { ...CALM, resends: 2, redeliveries: 2, orderCancels: 2, shipments: 1, returns: 1 },
  },
  {
    name: "one saga of PayPal, faults of the provider",
    tables: [1],
    ...PAYPAL,
    budget: { ...CALM, resends: 1, providerFaults: 1, reviews: 1 },
  },
  {
    name: "one saga of PayPal that holds the money first, faults of messages",
    tables: [2],
    ...PAYPAL,
    budget: { ...CALM, resends: 1, redeliveries: 1, operatorCancels: 1, endedHolds: 1 },
  },
  {
    name: "one saga of PayPal that holds the money first, captures under review",
    tables: [2],
    ...PAYPAL,
    budget: { ...CALM, providerFaults: 1, reviews: 1, endedHolds: 1 },
  },
  {
    name: "one saga of PayPal that holds the money first, forgotten orders and keys",
    tables: [2],
    ...PAYPAL,
    budget: { ...CALM, providerFaults: 1, keyExpiries: 1, forgottenOrders: 1 },
  },
  {
    name: "two sagas, one of each provider and table, that want the same last unit",
    tables: [1, 2],
    providers: ["stripe", "paypal"],
    budget: CALM,
  },
  {
    name: "two sagas that want the same last unit",
    tables: [1, 1],
    budget: { ...CALM, redeliveries: 1, deadLetters: 1 },
  },
  {
    name: "two sagas, one of each table, that want the same last unit",
    tables: [1, 2],
    budget: CALM,
  },
];

/** The fewest faults with which this protection is needed. */
export function withoutProtectionScenario(protection: Protection): Scenario {
  const base = { name: `without ${protection}`, tables: [1] as const };
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
      return { ...base, tables: [1, 1], budget: { ...CALM, redeliveries: 1 } };
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
    case "undo of the authorization":
      // Stock can only be lost to another saga.
      return { ...base, tables: [2, 1], budget: CALM };
    case "confirm before the capture":
    case "void before its reply":
    case "refused capture is voided":
      return { ...base, tables: [2], budget: CALM };
    case "captured during its void is refunded":
    case "unknown void is not done":
    case "unknown capture is not failed":
      return { ...base, tables: [2], budget: { ...CALM, providerFaults: 1 } };
    case "more time only while waiting":
      return { ...base, isConfirmed: true, budget: { ...CALM, moreTime: 1 } };
    case "its own provider is asked":
      return { ...base, ...PAYPAL, budget: CALM };
    case "its own provider's times":
      // Without a page, as a charge that PayPal takes by itself: what an early end of the keys does to it.
      return {
        ...base,
        providers: ["paypal"],
        budget: { ...CALM, providerFaults: 1, keyExpiries: 1 },
      };
    case "taken at a late look-up is refunded":
      return { ...base, ...PAYPAL, budget: CALM };
    case "held at a late look-up is released":
    case "approved order is closed":
      return { ...base, tables: [2], ...PAYPAL, budget: CALM };
    case "capture under review is not money":
      return { ...base, tables: [2], ...PAYPAL, budget: { ...CALM, reviews: 1 } };
    case "forgotten order ends its undo":
      return {
        ...base,
        tables: [2],
        ...PAYPAL,
        budget: { ...CALM, keyExpiries: 1, forgottenOrders: 1 },
      };
    default:
      return assertNever(protection);
  }
}
