// Events that Kafka's access lists refuse, in words. Used by relay, publisher and notifier.
import { FIELD_SEPARATOR, type ProduceFailure } from "../kernel/ports.ts";

/** Kafka's code. The answer changes only when an operator changes the access lists. */
export const ACCESS_DENIED = "TOPIC_AUTHORIZATION_FAILED";

/** The topic of a record for the producer. */
export function topicOf(record = ""): string {
  return record.slice(0, record.indexOf(FIELD_SEPARATOR));
}

/** `records` are those that were produced; `who` tried. */
export function deniedText(
  who: string,
  denied: readonly ProduceFailure[],
  records: readonly string[],
): string {
  const topics = [...new Set(denied.map(({ index }) => topicOf(records[index])))].toSorted().join(", ");
  return `Kafka does not let ${who} write ${topics}: \`checkoutctl acl check\` shows what its access lists lack, \`checkoutctl acl apply\` adds it`;
}
