// What Kafka's access lists, or a database's rights, refuse: in words and for readiness. Used by relay, publisher, notifier and postgres.ts; the words also by platform/kafka.
import { isDue } from "../kernel/backoff.ts";
import { AppError } from "../kernel/errors.ts";
import { FIELD_SEPARATOR, type ProduceFailure } from "../kernel/ports.ts";

/** Kafka's code. The answer changes only when an operator changes the access lists. */
export const ACCESS_DENIED = "TOPIC_AUTHORIZATION_FAILED";

/** The topic of a record for the producer. */
export function topicOf(record = ""): string {
  return record.slice(0, record.indexOf(FIELD_SEPARATOR));
}

/** What to do about it. `who` may not do `what`. */
export function accessText(who: string, what: string): string {
  return `Kafka does not let ${who} ${what}: \`checkoutctl acl check\` shows what its access lists lack, \`checkoutctl acl apply\` adds it`;
}

/** `records` are those that were produced; `who` tried. */
export function deniedText(
  who: string,
  denied: readonly ProduceFailure[],
  records: readonly string[],
): string {
  const topics = [...new Set(denied.map(({ index }) => topicOf(records[index])))].toSorted().join(", ");
  return accessText(who, `write ${topics}`);
}

/** The last refusal. Only another event would show that it is over, so it counts for `holdsMs` on the clock `now`. */
export class Denial {
  readonly #holdsMs: number;
  readonly #now: () => number;
  #last: { readonly reason: string; readonly until: number } | undefined;

  constructor(holdsMs: number, now: () => number) {
    this.#holdsMs = holdsMs;
    this.#now = now;
  }

  note(reason: string): void {
    this.#last = { reason, until: this.#now() + this.#holdsMs };
  }

  /** An error of the producer, which may be of another kind. */
  noteError(error: unknown): void {
    if (error instanceof AppError && error.code === "KAFKA_DENIED") this.note(error.message);
  }

  /** Null if nothing was refused lately. */
  get reason(): string | null {
    return this.#last === undefined || isDue(this.#last.until, this.#now()) ? null : this.#last.reason;
  }
}
