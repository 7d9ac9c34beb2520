// What a shopper of a chaos run does when the bank wants the payment confirmed (3-D Secure), or PayPal wants it approved: one visit for one
// checkout. "The bank" is either of them. Called by shopping.ts.
import type { PaymentAction, SagaStatus } from "../../schemas/http.ts";
import type { Shopper } from "../shopper.ts";
import type { Provider } from "./providers.ts";

/** How long a saga waits for its shopper in a chaos run: longer than the shopper thinks, short enough for the run to end. */
export const ACTION_DEADLINE_MS = 20_000;
/** How long shoppers think, at most, before they answer, so that faults happen meanwhile. */
const MAX_THINK_MS = 10_000;
/**
 * Shoppers who answer at the deadline do so in a period of this length, which begins BEFORE_DEADLINE_MS before it, so that confirmation and cancellation meet.
 * They see the question up to a second after the saga begins to wait.
 */
const AT_DEADLINE_MS = 2_000;
const BEFORE_DEADLINE_MS = 1_500;
/** For a confirmation after the end; the provider may be down. */
const RETRY_MS = 250;

/** In the order of the report. `too late` is after the end of the checkout. */
export const ANSWERS = [
  "confirmed",
  "confirmed twice",
  "refused",
  "abandoned",
  "at the deadline",
  "too late",
] as const;
export type Answer = (typeof ANSWERS)[number];
/** Nobody confirms these payments before the checkout ends. */
const UNCONFIRMED: ReadonlySet<Answer> = new Set(["refused", "abandoned", "too late"]);

export interface BankVisitOptions {
  readonly shopper: Pick<Shopper, "action" | "answerBank" | "back">;
  readonly sagaId: string;
  readonly provider: Provider;
  readonly answer: Answer;
  /** In [0, 1): how long this shopper thinks. */
  readonly pace: number;
  /** Default: real time. */
  readonly clock?: { readonly now: () => number; readonly sleep: (ms: number) => Promise<void> };
}

export class BankVisit {
  readonly #options: BankVisitOptions;
  readonly #clock: NonNullable<BankVisitOptions["clock"]>;
  #askedAt: number | undefined;
  #page: PaymentAction | undefined;
  #isAnswered = false;
  #isUnchecked = false;

  constructor(options: BankVisitOptions) {
    this.#options = options;
    this.#clock = options.clock ?? { now: Date.now, sleep: (ms) => Bun.sleep(ms) };
  }

  /** The shopper still has to do something before the checkout ends. */
  get isAwaited(): boolean {
    const { answer } = this.#options;
    const needsOnlyPage = answer === "abandoned" || answer === "too late";
    return needsOnlyPage ? this.#page === undefined : !this.#isAnswered;
  }

  /** `ended` gave up: the bank was away all the time, so nobody knows whether it still takes a confirmation. */
  get isUnchecked(): boolean {
    return this.#isUnchecked;
  }

  /** Call it at each look at the checkout that shows that the bank asks. Rejects if shop or bank are away; call it again then. */
  async asked(): Promise<void> {
    const { shopper, sagaId, answer } = this.#options;
    if (!this.isAwaited) return;
    this.#askedAt ??= this.#clock.now();
    this.#page ??= (await shopper.action(sagaId)) ?? undefined;
    if (this.#page === undefined || !this.isAwaited) return;
    await this.#clock.sleep(Math.max(0, this.#askedAt + this.#thinkMs() - this.#clock.now()));
    const page = this.#page;
    const press = () => shopper.answerBank(page, answer === "refused" ? "refuse" : "confirm");
    const presses = answer === "confirmed twice" ? [press(), press()] : [press()];
    const ends = await Promise.allSettled(presses);
    if (!ends.some(({ status }) => status === "fulfilled")) throw new Error("the bank is away");
    this.#isAnswered = true;
    await shopper.back(sagaId);
  }

  /**
   * Call it when the checkout has ended. Those who came too late or press twice confirm (again) now. Returns what is wrong, or null.
   * Gives up at `giveUpAt` (epoch ms); then `isUnchecked`.
   */
  async ended(status: SagaStatus, giveUpAt: number): Promise<string | null> {
    const { shopper, answer, sagaId, provider } = this.#options;
    const page = this.#page;
    if (status === "COMPLETED" && UNCONFIRMED.has(answer))
      return `saga ${sagaId} is COMPLETED, although its shopper did not confirm the payment (${answer})`;
    if (page === undefined || (answer !== "too late" && answer !== "confirmed twice")) return null;
    while (this.#clock.now() < giveUpAt) {
      try {
        const leadsTo = await shopper.answerBank(page, "confirm");
        // The provider's ledger judges the others: the bank shows them the way back, and must not take anything. PayPal's page stays open,
        // because nobody can close an order there: an approval alone moves no money.
        const isTaken = answer === "too late" && provider === "stripe" && leadsTo !== null;
        return isTaken ? `saga ${sagaId} is ${status}, and its bank still takes a confirmation` : null;
      } catch {
        await this.#clock.sleep(RETRY_MS);
      }
    }
    this.#isUnchecked = true;
    return null;
  }

  #thinkMs(): number {
    const { answer, pace } = this.#options;
    return answer === "at the deadline"
      ? ACTION_DEADLINE_MS - BEFORE_DEADLINE_MS + pace * AT_DEADLINE_MS
      : pace * MAX_THINK_MS;
  }
}
