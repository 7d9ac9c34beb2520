import { expect, test } from "bun:test";
import { DATABASES } from "../../schemas/migrations.ts";
import { verdictOn } from "./payment-reopen.ts";
import type { Loss } from "./repair-loss.ts";
import { planRepair, planText, stoppedFor } from "./repair-plan.ts";

const NOTHING = { lost: [], untaken: [], newest: [], since: null };
const [first, second] = ["saga-1", "saga-2"];

function losses(changed: readonly Loss[]): readonly Loss[] {
  return DATABASES.map(
    (database) => changed.find((one) => one.database === database) ?? { database, ...NOTHING },
  );
}

const message = (type: "OrderCreated" | "CreateOrder", saga_id: string, at: number) => ({
  message_id: `${type} ${saga_id}`,
  type,
  saga_id,
  at,
});

const LOST: Loss = {
  database: "order",
  lost: [message("OrderCreated", first, 2_000)],
  untaken: [
    { ...message("CreateOrder", first, 1_500), from: "saga" },
    { ...message("CreateOrder", second, 3_000), from: "saga" },
  ],
  newest: [{ ...message("CreateOrder", "saga-3", 4_000), from: "saga" }],
  since: 1_000,
};

test("only databases that lack something are repaired, the saga database first", () => {
  expect(planRepair(losses([]), [])).toEqual({ databases: [], count: 0 });
  const saga: Loss = { database: "saga", ...NOTHING, lost: [message("CreateOrder", first, 5)], since: 0 };
  const plan = planRepair(losses([LOST, saga]), []);
  expect(plan.databases.map(({ database }) => database)).toEqual(["saga", "order"]);
  // What may still be on its way changes while it is looked at, so nobody confirms it.
  expect(plan.count).toBe(4);
});

test("a plan names each checkout with what was lost of it, and who must be stopped", () => {
  const plan = planRepair(losses([LOST]), []);
  expect(plan.databases).toMatchObject([
    {
      since: 1_000,
      resumes: false,
      lost: [{ type: "OrderCreated", count: 1 }],
      delivered_again: [{ type: "CreateOrder", count: 2 }],
      sagas: [
        { saga_id: first, lost: ["OrderCreated"], delivered_again: ["CreateOrder"] },
        { saga_id: second, lost: [], delivered_again: ["CreateOrder"] },
      ],
    },
  ]);
  expect(stoppedFor(plan)).toEqual([
    { program: "checkout-orchestrator", database: "saga" },
    { program: "checkout-order", database: "order" },
  ]);
  const text = planText(plan);
  expect(text).toContain("order: lacks what happened since 1970-01-01T00:00:01.000Z");
  expect(text).toContain("saga-1: lost OrderCreated; gets CreateOrder again");
  expect(text).toContain("nothing is missing in: saga, inventory, payment");
});

test("an interrupted repair is continued from its own time, also when nothing is missing any more", () => {
  const [again] = planRepair(losses([]), [{ subject: "order", since: 500 }]).databases;
  expect(again).toMatchObject({ database: "order", since: 500, resumes: true, lost: [] });
  const [both] = planRepair(losses([LOST]), [{ subject: "order", since: 500 }]).databases;
  expect(both).toMatchObject({ since: 500, resumes: true, lost: [{ type: "OrderCreated", count: 1 }] });
});

test("a charge is refunded only if its payment ended without it and its checkout was undone", () => {
  const charge = {
    provider_txn_id: "pi_1",
    saga_id: first,
    amount_cents: 500,
    currency: "EUR",
    money: "taken",
  } as const;
  const payment = (status: string, provider_txn_id: string | null = null) => ({
    saga_id: first,
    status,
    provider_txn_id,
  });
  expect(verdictOn(charge, payment("CANCELLED"), "COMPENSATED")).toBe("reopen");
  expect(verdictOn(charge, payment("FAILED"), "COMPENSATING")).toBe("reopen");
  const held = { ...charge, money: "held" } as const;
  expect(verdictOn(held, payment("CANCELLED"), "COMPENSATED")).toBe("reopen");
  expect(verdictOn(held, undefined, "COMPENSATED")).toEqual({
    open: `the provider holds 5.00 EUR with charge pi_1 of checkout ${first}, and no message asked for it: release it at the provider`,
  });
  // What is taken has an id of its own, and a payment that still names the hold learns it. A hold in a list may be over.
  const taken = { ...charge, provider_txn_id: "C1", mayTakeHold: true } as const;
  for (const status of ["AUTHORIZED", "CAPTURE_PENDING", "VOID_PENDING"])
    expect(verdictOn(taken, payment(status, "order:O1"), "COMPLETED")).toBe("fine");
  const listed = { ...held, provider_txn_id: "authorization:A1", isStale: true } as const;
  expect(verdictOn(listed, payment("SUCCEEDED", "C1"), "COMPLETED")).toBe("fine");
  // The executor asks the provider about it anyway.
  expect(verdictOn(charge, payment("UNKNOWN"), "COMPENSATED")).toBe("fine");
  expect(verdictOn(charge, payment("REFUNDED", "pi_1"), "COMPENSATED")).toBe("fine");
  // Of another shop on the same account.
  expect(verdictOn(charge, undefined, undefined)).toBe("fine");
  const says = (verdict: ReturnType<typeof verdictOn>) =>
    typeof verdict === "object" ? verdict.open : verdict;
  expect(says(verdictOn(charge, undefined, "COMPLETED"))).toContain("took 5.00 EUR with charge pi_1");
  expect(says(verdictOn(charge, payment("SUCCEEDED", "pi_0"), "COMPLETED"))).toContain("in addition to pi_0");
  expect(says(verdictOn(charge, payment("CANCELLED"), "COMPLETED"))).toContain("a person must decide");
});
