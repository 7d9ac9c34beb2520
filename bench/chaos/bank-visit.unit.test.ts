// What shoppers do at their bank, and when.
import { describe, expect, test } from "bun:test";
import type { PaymentAction } from "../../schemas/http.ts";
import { ACTION_DEADLINE_MS, type Answer, ANSWERS, BankVisit } from "./bank-visit.ts";
import type { Provider } from "./providers.ts";

const PAGE: PaymentAction = {
  kind: "redirect",
  url: "https://bank.example/?client_secret=x",
  expires_at: "2026-01-01T00:00:00.000Z",
};
const NEVER = Number.POSITIVE_INFINITY;

interface Bank {
  readonly leadsTo?: string | null;
  readonly away?: number;
  readonly noPageYet?: number;
  readonly provider?: Provider;
}

/** A visit in simulated time; `done` lists what the shopper did, and when. `away` is how many presses fail first. */
function visitOf(
  answer: Answer,
  { leadsTo = "back", away = 0, noPageYet = 0, provider = "stripe" }: Bank = {},
) {
  let [nowMs, failures, blank] = [0, away, noPageYet];
  const done: string[] = [];
  const shopper = {
    action: () => Promise.resolve(blank-- > 0 ? null : PAGE),
    answerBank(_: PaymentAction, what: string) {
      if (failures-- > 0) return Promise.reject(new Error("away"));
      done.push(`${what} at ${nowMs}`);
      return Promise.resolve(leadsTo);
    },
    back: () => Promise.resolve(done.push("back") > 0),
  };
  const clock = {
    now: () => nowMs,
    sleep(ms: number) {
      nowMs += ms;
      return Promise.resolve();
    },
  };
  const goAway = () => void (failures = NEVER);
  return {
    visit: new BankVisit({ shopper, sagaId: "saga", provider, answer, pace: 0.5, clock }),
    done,
    goAway,
  };
}

describe("a shopper whose bank asks", () => {
  test.each([
    ["confirmed", ["confirm at 5000", "back"]],
    ["confirmed twice", ["confirm at 5000", "confirm at 5000", "back"]],
    ["refused", ["refuse at 5000", "back"]],
    ["abandoned", []],
    ["at the deadline", [`confirm at ${ACTION_DEADLINE_MS - 500}`, "back"]],
    ["too late", []],
  ] as const)("%s: answers in time, once", async (answer, expected) => {
    const { visit, done } = visitOf(answer);
    expect(visit.isAwaited).toBe(true);
    await visit.asked();
    expect(visit.isAwaited).toBe(false);
    await visit.asked();
    expect(done).toEqual([...expected]);
  });

  test("tries again while the bank is away, and waits for the page", async () => {
    const { visit, done } = visitOf("confirmed", { away: 1, noPageYet: 1 });
    await visit.asked();
    expect(done).toEqual([]);
    expect(await visit.asked().catch(String)).toContain("the bank is away");
    await visit.asked();
    expect(done).toEqual(["confirm at 5000", "back"]);
  });
});

describe("after the end of the checkout", () => {
  test.each(ANSWERS)("%s: the bank is asked only by those who are late or press twice", async (answer) => {
    const { visit, done } = visitOf(answer, { leadsTo: null });
    await visit.asked();
    const before = done.length;
    expect(await visit.ended("COMPENSATED", NEVER)).toBeNull();
    expect(done.length - before).toBe(answer === "too late" || answer === "confirmed twice" ? 1 : 0);
  });

  test("a bank that still takes the payment of a late shopper is a violation", async () => {
    const { visit } = visitOf("too late", { away: 2 });
    await visit.asked();
    expect(await visit.ended("COMPENSATED", NEVER)).toBe(
      "saga saga is COMPENSATED, and its bank still takes a confirmation",
    );
  });

  test("PayPal's page takes a late approval, and the ledger judges what becomes of it", async () => {
    const { visit, done } = visitOf("too late", { provider: "paypal" });
    await visit.asked();
    expect(await visit.ended("COMPENSATED", NEVER)).toBeNull();
    expect(done).toEqual(["confirm at 0"]);
    expect(await visit.ended("COMPLETED", NEVER)).toContain("did not confirm the payment");
  });

  test.each(ANSWERS)(
    "%s: a bank that is away until the end is not checked, and one that answers is",
    async (answer) => {
      const asks = answer === "too late" || answer === "confirmed twice";
      for (const isAway of [true, false]) {
        const { visit, goAway } = visitOf(answer, { leadsTo: null });
        await visit.asked();
        if (isAway) goAway();
        expect(await visit.ended("COMPENSATED", 60_000)).toBeNull();
        expect(visit.isUnchecked).toBe(asks && isAway);
      }
    },
  );

  test("a shopper whose bank never asked has nothing to confirm", async () => {
    const { visit, done } = visitOf("too late");
    expect(await visit.ended("COMPENSATED", NEVER)).toBeNull();
    expect(done).toEqual([]);
  });

  test.each(ANSWERS)("%s: an order without a confirmation is a violation", async (answer) => {
    const { visit } = visitOf(answer, { leadsTo: null });
    await visit.asked();
    const isUnconfirmed = answer === "refused" || answer === "abandoned" || answer === "too late";
    expect(await visit.ended("COMPLETED", NEVER)).toBe(
      isUnconfirmed
        ? `saga saga is COMPLETED, although its shopper did not confirm the payment (${answer})`
        : null,
    );
  });
});
