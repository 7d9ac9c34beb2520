// The table of accounts against what roles really do, and the comparison of access lists with it.
import { describe, expect, test } from "bun:test";
import { ACCOUNTS } from "../../schemas/access.ts";
import { OUTBOX_TOPICS } from "../../schemas/outbox-rules.ts";
import { MESSAGES } from "../../schemas/registry.ts";
import { SUBSCRIPTIONS, TOPICS } from "../../schemas/topics.ts";
import type { AccessRule } from "../kernel/ports.ts";
import { applyAccess, inWords, isInForce, planAccess, rulesOf } from "./access.ts";
import { producerOf } from "./replay-plan.ts";

const rule = (change: Partial<AccessRule>): AccessRule => ({
  resource: "topic",
  name: TOPICS.commands,
  pattern: "LITERAL",
  principal: "User:inventory",
  host: "*",
  operation: "READ",
  permission: "ALLOW",
  ...change,
});

describe("the table", () => {
  test("lets every group read its topics, under its own name", () => {
    for (const [group, topics] of Object.entries(SUBSCRIPTIONS)) {
      const account = Object.entries(ACCOUNTS).find(([name]) => name === group)?.[1];
      expect(account?.reads).toEqual(expect.arrayContaining([...topics]));
      expect(account?.groups).toContain(group);
    }
  });

  test("lets the database that writes a type of message publish it, and no other", () => {
    for (const { topic } of Object.values(MESSAGES)) {
      const publishers = Object.entries(OUTBOX_TOPICS).filter(([, topics]) =>
        topics.some((one) => one === topic),
      );
      const databases: readonly (string | undefined)[] = publishers.map(([database]) => database);
      expect(databases).toEqual([producerOf(topic)]);
    }
  });

  test("lets nobody write what another service says, and nobody write without need", () => {
    const writers = (topic: string) =>
      Object.entries(ACCOUNTS)
        .filter(([, { writes }]) => writes.some((one) => one === topic))
        .map(([name]) => name);
    expect(writers(TOPICS.commands)).toEqual(["orchestrator", "relay-saga"]);
    expect(writers(TOPICS.notifications)).toEqual(["orchestrator", "relay-saga"]);
    expect(writers(TOPICS.inventoryEvents)).toEqual(["inventory", "relay-inventory"]);
    expect(writers(TOPICS.paymentEvents)).toEqual(["payment", "relay-payment"]);
    expect(writers(TOPICS.orderEvents)).toEqual(["order", "relay-order"]);
    expect([...ACCOUNTS.console.writes, ...ACCOUNTS.operator.writes]).toEqual([]);
  });
});

describe("the plan", () => {
  const wanted = rulesOf();

  test("on empty brokers adds everything, on brokers in line nothing", () => {
    expect(planAccess([])).toEqual({ missing: wanted, extra: [], foreign: [] });
    expect(isInForce(planAccess([]))).toBe(false);
    expect(planAccess(wanted)).toEqual({ missing: [], extra: [], foreign: [] });
    expect(isInForce(planAccess(wanted))).toBe(true);
  });

  test("removes what an account of ours has beyond the table, a refusal too", () => {
    const extra = [
      rule({ name: TOPICS.paymentEvents, operation: "WRITE" }),
      rule({ permission: "DENY" }),
      rule({ principal: "User:deploy", operation: "ALL" }),
      // Of no topic of ours, but of our account.
      rule({ name: "invoices" }),
    ];
    expect(planAccess([...wanted, ...extra])).toEqual({ missing: [], extra, foreign: [] });
  });

  test("takes a rule for one host as another rule", () => {
    const [first, ...rest] = wanted;
    const narrower = { ...first!, host: "10.0.0.7" };
    expect(planAccess([narrower, ...rest])).toEqual({ missing: [first!], extra: [narrower], foreign: [] });
  });

  const others: readonly (readonly [string, AccessRule, boolean])[] = [
    ["may read a topic", rule({ principal: "User:reports" }), false],
    ["may write a topic", rule({ principal: "User:reports", operation: "WRITE" }), true],
    ["may do all with all topics", rule({ principal: "User:x", name: "*", operation: "ALL" }), true],
    [
      "may write by a prefix",
      rule({ principal: "User:x", name: "check", pattern: "PREFIXED", operation: "WRITE" }),
      true,
    ],
    ["may join a group", rule({ principal: "User:x", resource: "group", name: "payment" }), true],
    [
      "may look at a group",
      rule({ principal: "User:x", resource: "group", name: "payment", operation: "DESCRIBE" }),
      false,
    ],
    [
      "may change access lists",
      rule({ principal: "User:x", resource: "cluster", name: "kafka-cluster", operation: "ALTER" }),
      true,
    ],
    ["nobody may read", rule({ principal: "User:*", permission: "DENY" }), true],
  ];
  test.each(others)(
    "leaves a rule of others and says whether it endangers us: %s",
    (_, foreign, endangers) => {
      const plan = planAccess([...wanted, foreign]);
      expect(plan).toEqual({ missing: [], extra: [], foreign: [{ ...foreign, endangers }] });
      expect(isInForce(plan)).toBe(!endangers);
    },
  );

  test("is silent about topics and groups of others", () => {
    const elsewhere = [
      rule({ principal: "User:x", name: "invoices", operation: "WRITE" }),
      rule({ principal: "User:x", name: "inv", pattern: "LITERAL", operation: "ALL" }),
      rule({ principal: "User:x", resource: "group", name: "reports" }),
    ];
    expect(planAccess([...wanted, ...elsewhere])).toEqual({ missing: [], extra: [], foreign: [] });
  });
});

test("applying adds before it removes", async () => {
  const calls: string[] = [];
  const forged = rule({ name: TOPICS.paymentEvents, operation: "WRITE" });
  const [first, ...rest] = rulesOf();
  await applyAccess({
    accessRules: async () => [...rest, forged],
    addAccessRules: async (rules) => void calls.push(...rules.map((one) => `+ ${inWords(one)}`)),
    removeAccessRules: async (rules) => void calls.push(...rules.map((one) => `- ${inWords(one)}`)),
  });
  expect(calls).toEqual([`+ ${inWords(first!)}`, "- User:inventory may WRITE topic payment-events"]);
});
