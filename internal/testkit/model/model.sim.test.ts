// The invariants hold in every state one checkout can reach, and each protection is needed: without it the model finds a
// violation. `bun run model` explores more.
import { expect, test } from "bun:test";
import { decide } from "../../orchestrator/saga.ts";
import { explore } from "./explore.ts";
import { checkoutModel } from "./model.ts";
import { PROTECTIONS, REAL, type Rules, without } from "./rules.ts";
import { CALM, withoutProtectionScenario } from "./scenarios.ts";
import { keyOf, keyWithInbox, type World } from "./world.ts";

const MAX_STATES = 1_000_000;
/** Only a test that hangs reaches this: the work is a second of one core to half a minute, whatever else the machine does. */
const MODEL_TIMEOUT_MS = 600_000;

test(
  "one saga with one fault of each kind breaks nothing and always finishes",
  () => {
    const budget = {
      ...CALM,
      resends: 1,
      redeliveries: 1,
      deadLetters: 1,
      providerFaults: 1,
      keyExpiries: 1,
    };
    const result = explore(checkoutModel({ tables: [1], budget, rules: REAL }), { maxStates: MAX_STATES });
    expect(result.violations).toEqual([]);
    expect(result.isComplete).toBe(true);
    expect(result.states).toBeGreaterThan(100_000);
  },
  MODEL_TIMEOUT_MS,
);

test(
  "a saga that holds the money first leaves nothing held, takes it only with its stock, and loses nothing with lost stock",
  () => {
    const budget = { ...CALM, resends: 1, providerFaults: 1, keyExpiries: 1, endedHolds: 1 };
    const result = explore(checkoutModel({ tables: [2], budget, rules: REAL }), { maxStates: MAX_STATES });
    expect(result.violations).toEqual([]);
    expect(result.isComplete).toBe(true);
    expect(result.states).toBeGreaterThan(50_000);
  },
  MODEL_TIMEOUT_MS,
);

test(
  "a shopper who has to confirm an authorization confirms, abandons it, comes late or twice: nothing stays held",
  () => {
    const budget = { ...CALM, resends: 1, redeliveries: 1, operatorCancels: 1 };
    const model = checkoutModel({ tables: [2], budget, isConfirmed: true, rules: REAL });
    const result = explore(model, { maxStates: MAX_STATES });
    expect(result.violations).toEqual([]);
    expect(result.isComplete).toBe(true);
    expect(result.states).toBeGreaterThan(10_000);
  },
  MODEL_TIMEOUT_MS,
);

test.each([
  ["approves, abandons it, comes late or twice", { resends: 1, operatorCancels: 1 }, 5_000],
  [
    "whose captures are reviewed and whose holds end",
    { reviews: 1, endedHolds: 1, operatorCancels: 1 },
    5_000,
  ],
  ["whose order is forgotten", { keyExpiries: 1, forgottenOrders: 1, resends: 1 }, 5_000],
] as const)(
  "a payer of PayPal %s: nothing is taken without an order, and nothing stays held",
  (_, faults, states) => {
    for (const tables of [[1], [2]] as const) {
      const budget = { ...CALM, ...faults };
      const model = checkoutModel({ tables, budget, providers: ["paypal"], isConfirmed: true, rules: REAL });
      const result = explore(model, { maxStates: MAX_STATES });
      expect(result.violations).toEqual([]);
      expect(result.isComplete).toBe(true);
      expect(result.states).toBeGreaterThan(states);
    }
  },
  MODEL_TIMEOUT_MS,
);

test("a free checkout is never charged and always finishes", () => {
  const budget = { ...CALM, resends: 1, redeliveries: 1, deadLetters: 1, operatorCancels: 1 };
  const model = checkoutModel({ tables: [1], budget, priceCents: 0, rules: REAL });
  const result = explore(model, { maxStates: MAX_STATES });
  expect(result.violations).toEqual([]);
  expect(result.isComplete).toBe(true);
  expect(result.states).toBeGreaterThan(1_000);
});

test.each(PROTECTIONS.map((protection) => [protection] as const))(
  "removing %s breaks an invariant",
  (protection) => {
    const { name: _, ...scenario } = withoutProtectionScenario(protection);
    const options = { maxStates: MAX_STATES };
    // With the protection in place the same faults do no harm, so the protection prevents the violation.
    expect(
      explore(checkoutModel({ ...scenario, tables: [scenario.tables[0]], rules: REAL }), options).violations,
    ).toEqual([]);
    const { violations } = explore(checkoutModel({ ...scenario, rules: without(protection) }), options);
    expect(violations).toHaveLength(1);
  },
);

test.each([
  ["dead letters", "stripe", { tables: [1], budget: { ...CALM, deadLetters: 1 } }],
  ["faults of the provider", "stripe", { tables: [2], budget: { ...CALM, providerFaults: 1 } }],
  [
    "PayPal",
    "paypal",
    { tables: [2], isConfirmed: true, budget: { ...CALM, keyExpiries: 1, endedHolds: 1 } },
  ],
  [
    "a cancelled order",
    "stripe",
    { tables: [1], isCompleted: true, budget: { ...CALM, resends: 3, orderCancels: 2, returns: 1 } },
  ],
] as const)("worlds that are one with an inbox have the same future: %s", (_, provider, scenario) => {
  const model = checkoutModel({ ...scenario, providers: [provider], rules: REAL });
  const [seen, futures] = [new Set<string>(), new Map<string, string>()];
  const differing: string[] = [];
  const look = (world: World) => {
    const next = new Set(model.successors(world).map((successor) => keyWithInbox(successor.world)));
    const future = [...next].toSorted().join() + model.violations(world).join() + model.isEnd(world);
    const key = keyWithInbox(world);
    if ((futures.get(key) ?? future) !== future) differing.push(key);
    futures.set(key, future);
  };
  // Every world by its whole history.
  const key = (world: World) => {
    const whole = keyOf(world);
    if (!seen.has(whole)) look(world);
    seen.add(whole);
    return whole;
  };
  const whole = explore({ ...model, key }, { maxStates: MAX_STATES });
  expect([whole.isComplete, differing]).toEqual([true, []]);
  const short = explore(model, { maxStates: MAX_STATES });
  expect(short.states).toBe(futures.size);
  expect(short.states).toBeLessThan(whole.states);
});

test("a world that cannot finish is found", () => {
  const model = checkoutModel({ tables: [1], budget: CALM, rules: REAL });
  const stuck = { ...model, isEnd: () => false };
  const [violation] = explore(stuck, { maxStates: MAX_STATES }).violations;
  expect(violation?.invariant).toBe("every saga can reach a terminal state");
});

test(
  "a shopper whose bank asks for them confirms, refuses, does both, takes their time or never comes: nobody pays for nothing",
  () => {
    const budget = { ...CALM, resends: 1, redeliveries: 1, operatorCancels: 1, moreTime: 2 };
    const model = checkoutModel({ tables: [1], budget, isConfirmed: true, rules: REAL });
    const result = explore(model, { maxStates: MAX_STATES });
    expect(result.violations).toEqual([]);
    expect(result.isComplete).toBe(true);
    expect(result.states).toBeGreaterThan(10_000);
  },
  MODEL_TIMEOUT_MS,
);

test(
  "the order of a completed checkout is cancelled at every point, shipped at the same time, sent back and cancelled again",
  () => {
    const budget = { ...CALM, resends: 3, redeliveries: 1, orderCancels: 2, shipments: 2, returns: 1 };
    const model = checkoutModel({ tables: [1], budget, isCompleted: true, rules: REAL });
    const result = explore(model, { maxStates: MAX_STATES });
    expect(result.violations).toEqual([]);
    expect(result.isComplete).toBe(true);
    expect(result.states).toBeGreaterThan(5_000);
  },
  MODEL_TIMEOUT_MS,
);
test(
  "that a shopper gets more time only once is for the others' sake: money and stock stay right without it",
  () => {
    const budget = { ...CALM, moreTime: 2 };
    const explored = (rules: Rules) =>
      explore(checkoutModel({ tables: [1], budget, isConfirmed: true, rules }), { maxStates: MAX_STATES });
    const asOftenAsAsked: Rules = {
      ...REAL,
      saga: (saga, input, now, policy) => {
        const { action_expires_at } = saga;
        const isAsked = input.type === "ShopperNeedsTime" && action_expires_at !== null;
        const later = isAsked ? { ...saga, action_latest_at: action_expires_at + 1 } : saga;
        return decide(later, input, now, policy);
      },
    };
    const [once, often] = [explored(REAL), explored(asOftenAsAsked)];
    expect([often.violations, often.isComplete]).toEqual([[], true]);
    expect(often.states).toBeGreaterThan(once.states);
  },
  MODEL_TIMEOUT_MS,
);
