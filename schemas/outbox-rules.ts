// Which messages the outbox of each database may send. Whoever can write to one service's database must not speak for another: relay
// and publisher refuse what is not in this table, and a consumer refuses a message on another topic than its own. The ACLs of Kafka say
// the same once more, where they are on.
import type { DatabaseName } from "./migrations.ts";
import { MESSAGES, type MessageType } from "./registry.ts";
import { TOPICS, type Topic } from "./topics.ts";

/** The topics of each outbox. Every service dead-letters; notification has no outbox. */
export const OUTBOX_TOPICS: Record<DatabaseName, readonly Topic[]> = {
  saga: [TOPICS.commands, TOPICS.notifications, TOPICS.deadLetters],
  inventory: [TOPICS.inventoryEvents, TOPICS.deadLetters],
  payment: [TOPICS.paymentEvents, TOPICS.deadLetters],
  order: [TOPICS.orderEvents, TOPICS.deadLetters],
};

/** The type header of a dead letter. It is no message: no saga and no service handles it. */
export const DEAD_LETTER_TYPE = "DeadLetter";

/** The topics of the services' own events, where messages without a topic of their own go as well. */
const EVENT_TOPICS: ReadonlySet<string> = new Set([
  TOPICS.inventoryEvents,
  TOPICS.paymentEvents,
  TOPICS.orderEvents,
]);

const KNOWN_TOPICS: ReadonlySet<string> = new Set(Object.values(TOPICS));

/** What one outbox may send. */
export interface OutboxRule {
  /** `topic` and `type`, the type header, of a record. */
  readonly maySend: (topic: string, type: string) => boolean;
  /** All that `maySend` allows. */
  readonly pairs: readonly (readonly [topic: string, type: string])[];
}

export function outboxRule(database: DatabaseName): OutboxRule {
  const types = new Map<string, ReadonlySet<string>>(
    OUTBOX_TOPICS[database].map((topic) => [topic, typesOn(topic)]),
  );
  return {
    maySend: (topic, type) => types.get(topic)?.has(type) ?? false,
    pairs: [...types].flatMap(([topic, own]) => [...own].map((type) => [topic, type] as const)),
  };
}

/** The type headers that a topic may carry. */
export function typesOn(topic: Topic): ReadonlySet<string> {
  if (topic === TOPICS.deadLetters) return new Set([DEAD_LETTER_TYPE]);
  return new Set(messageTypes().filter((type) => isOn(type, topic)));
}

/** Whether a message has come on a topic that carries other types. Never of a topic that is not one of TOPICS. */
export function isStray(type: MessageType, topic: string): boolean {
  return KNOWN_TOPICS.has(topic) && !isOn(type, topic);
}

function isOn(type: MessageType, topic: string): boolean {
  const { topic: own } = MESSAGES[type];
  return own === "own" ? EVENT_TOPICS.has(topic) : own === topic;
}

function messageTypes(): readonly MessageType[] {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the table has exactly these keys
  return Object.keys(MESSAGES) as MessageType[];
}
