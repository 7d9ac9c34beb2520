// The ledger and its entries: after any history money adds up, and the entries alone rebuild the same ledger.
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import type { ProviderLedgerEntry } from "../../schemas/provider-ledger.ts";
import { decide, type Execution } from "./decide.ts";
import type { Fault } from "./faults.ts";
import { type Answer, Ledger } from "./ledger.ts";
import { renderAnswer } from "./render.ts";
import type { CreateIntent, ProviderRequest } from "./requests.ts";

const DAY_MS = 86_400_000;
const FAULTS: readonly (Fault | null)[] = [
  null,
  "decline",
  "error_stored",
  "error_after",
  "timeout_after",
  "reply_lost",
];

const create: CreateIntent = {
  kind: "create",
  amountCents: 1_000,
  currency: "EUR",
  confirm: true,
  paymentMethod: "pm_card_visa",
  isManual: false,
  errorOnAction: false,
  returnUrl: null,
  description: null,
  metadata: { saga_id: "s1" },
};

class Run {
  readonly ledger = new Ledger(DAY_MS);
  readonly entries: ProviderLedgerEntry[] = [];
  readonly answers: Answer[] = [];

  do(request: ProviderRequest, fault: Fault | null = null): Answer | null {
    const seq = this.ledger.lastSeq + 1;
    const execution: Execution = {
      seq,
      nowMs: 1_000 * seq,
      seed: 1,
      key: `key ${seq}`,
      fingerprint: "same",
      fault,
    };
    const decided = decide(this.ledger, request, execution);
    if ("error" in decided) return { kind: "error", error: decided.error, intent: null };
    this.entries.push(decided.entry);
    const answer = this.ledger.apply(decided.entry);
    if (answer !== null) this.answers.push(answer);
    return answer;
  }

  intentId(index: number): string {
    const at = index % Math.max(this.ledger.intents.size, 1);
    return this.ledger.intents.at(at)?.id ?? "pi_none";
  }
}

describe("decide", () => {
  test("a success whose answer is a 500 enters the ledger with the money and stored with the 500", () => {
    const run = new Run();
    expect(run.do(create, "error_after")).toMatchObject({ kind: "error", error: { status: 500 } });
    expect(run.entries).toMatchObject([{ kind: "charge", reply_lost: true, error: { status: 500 } }]);
    expect(run.ledger.totals).toMatchObject({ charges: 1, charged_cents: 1_000 });
  });

  test("a refusal has no success to hide, so no 500 replaces its answer", () => {
    const run = new Run();
    run.do({ ...create, paymentMethod: "pm_card_chargeDeclinedExpiredCard" }, "error_after");
    expect(run.entries).toMatchObject([
      { kind: "decline", reply_lost: false, error: { status: 402, code: "expired_card" } },
    ]);
  });

  test("a request for an unknown intent is refused without an entry", () => {
    const run = new Run();
    expect(run.do({ kind: "cancel", intentId: "pi_x", reason: null })).toMatchObject({
      error: { status: 404, code: "resource_missing" },
    });
    const refund = {
      kind: "refund",
      intentId: "pi_x",
      amountCents: null,
      reason: null,
      metadata: {},
    } as const;
    expect(run.do(refund)).toMatchObject({ error: { status: 400, code: "resource_missing" } });
    expect(run.entries).toEqual([]);
  });

  test("a refund belongs to the saga it names, else to its intent's", () => {
    const run = new Run();
    run.do(create);
    const refund = { kind: "refund", intentId: run.intentId(0), amountCents: 1, reason: null } as const;
    run.do({ ...refund, metadata: {} });
    run.do({ ...refund, metadata: { saga_id: "s2" } });
    expect(run.entries.map(({ kind, ...entry }) => [kind, "saga_id" in entry && entry.saga_id])).toEqual([
      ["charge", "s1"],
      ["refund", "s1"],
      ["refund", "s2"],
    ]);
  });
});

const anyRequest = fc.record({
  kind: fc.constantFrom("create" as const, "cancel" as const, "refund" as const),
  amountCents: fc.integer({ min: 1, max: 50 }),
  all: fc.boolean(),
  confirm: fc.boolean(),
  paymentMethod: fc.constantFrom("pm_card_visa", "pm_card_visa_chargeDeclined"),
  target: fc.nat(20),
  fault: fc.constantFrom(...FAULTS),
});

describe("the ledger", () => {
  test("after any history: no refund beyond its charge, and the entries rebuild the ledger and every stored answer", () => {
    fc.assert(
      fc.property(fc.array(anyRequest, { maxLength: 40 }), (steps) => {
        const run = new Run();
        for (const step of steps) {
          const intentId = run.intentId(step.target);
          if (step.kind === "create") {
            const { amountCents, confirm, paymentMethod } = step;
            run.do({ ...create, amountCents, confirm, paymentMethod }, step.fault);
          } else if (step.kind === "cancel") {
            run.do({ kind: "cancel", intentId, reason: null }, step.fault);
          } else {
            const amountCents = step.all ? null : step.amountCents;
            run.do({ kind: "refund", intentId, amountCents, reason: null, metadata: {} }, step.fault);
          }
        }
        moneyAddsUp(run);
        rebuildsTheSame(run);
      }),
    );
  });

  test("an entry out of sequence throws", () => {
    const run = new Run();
    run.do(create);
    const [entry] = run.entries;
    expect(entry).toBeDefined();
    if (entry !== undefined) expect(() => run.ledger.apply(entry)).toThrow("ledger entry 1 follows 1");
  });
});

function moneyAddsUp({ ledger, entries }: Run): void {
  const sum = (kind: "charge" | "refund", intent: string | null) =>
    entries.reduce((cents, entry) => {
      if (entry.kind !== kind || (intent !== null && entry.payment_intent !== intent)) return cents;
      return cents + entry.amount_cents;
    }, 0);
  expect(ledger.totals.charged_cents).toBe(sum("charge", null));
  expect(ledger.totals.refunded_cents).toBe(sum("refund", null));
  for (let at = 0; at < ledger.intents.size; at++) {
    const intent = ledger.intents.at(at);
    if (intent === undefined) throw new Error(`no intent at ${at}`);
    expect(sum("charge", intent.id)).toBe(intent.status === "succeeded" ? intent.amountCents : 0);
    expect(sum("refund", intent.id)).toBe(intent.refundedCents);
    expect(intent.refundedCents).toBeLessThanOrEqual(intent.charged ? intent.amountCents : 0);
  }
}

function rebuildsTheSame({ ledger, entries, answers }: Run): void {
  const rebuilt = new Ledger(DAY_MS);
  for (const line of entries.map((entry) => JSON.stringify(entry))) rebuilt.apply(JSON.parse(line));
  expect(rebuilt.totals).toEqual(ledger.totals);
  for (let at = 0; at < ledger.intents.size; at++) {
    expect(rebuilt.intents.at(at)).toEqual(ledger.intents.at(at));
  }
  for (const [index, answer] of answers.entries()) {
    const begun = rebuilt.keys.begin(`key ${index + 1}`, "same", 0);
    expect(begun.kind).toBe("replay");
    if (begun.kind === "replay") expect(renderAnswer(begun.answer, "")).toEqual(renderAnswer(answer, ""));
  }
}
