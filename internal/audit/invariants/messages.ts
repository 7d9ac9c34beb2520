// Outboxes against topics, 202 responses against sagas, and, if requested, that no work is left.
import { DEAD_LETTER_RETENTION_MS, TOPIC_RETENTION_MS, TOPICS } from "../../../schemas/topics.ts";
import { plural } from "../../kernel/counted.ts";
import type { Backlog, StrayRecord } from "../facts.ts";
import type { Invariant } from "../invariant.ts";

const DAY_MS = 24 * 60 * 60 * 1_000;

export const messages: readonly Invariant[] = [
  {
    name: "published-is-in-kafka",
    sentence: "Every outbox row marked as published is in its topic.",
    *check({ messages: { lost } }) {
      for (const { saga_id, database, topic, type, event_id } of lost) {
        yield { saga_id, detail: `${type} ${event_id} of the ${database} outbox is not in ${topic}` };
      }
    },
  },
  {
    name: "kafka-comes-from-an-outbox",
    sentence:
      "Every message in a topic was written to an outbox first, or is no message of ours and was discarded by an operator.",
    *check({ messages: { strays } }) {
      for (const stray of strays) {
        if (isDiscardedForeign(stray)) continue;
        const { saga_id, topic, partition, offset, id } = stray;
        const what = id === null ? "a message without an id" : `message ${id}`;
        const place = `${topic}[${partition}]@${offset}`;
        yield { saga_id, detail: `${what} at ${place} is in no outbox${adviceOn(stray)}` };
      }
    },
  },
  {
    name: "nothing-is-passed-over",
    sentence:
      "A service that has taken a message has taken every earlier one to it in the same partition, retries it or has dead-lettered it.",
    *check({ messages: { untaken } }) {
      for (const { database, topic, type, message_id, saga_id } of untaken)
        yield {
          saga_id,
          detail: `${type} ${message_id} in ${topic} is not in the ${database} inbox, later messages are`,
        };
    },
  },
  {
    name: "accepted-exists",
    sentence: "Every checkout answered with 202 has a saga.",
    *check({ brokenPromises }) {
      for (const saga_id of brokenPromises)
        yield { saga_id, detail: "was answered with 202 and does not exist" };
    },
  },
  {
    name: "everything-finished",
    sentence:
      "If the system should be idle: every saga and every cancellation of an order is finished, every outbox row is published, and no command waits for a retry.",
    *check({ expectIdle, cases, open }) {
      if (!expectIdle) return;
      for (const { saga, cancellation } of cases.values()) {
        if (saga.completed_at === null) yield { saga_id: saga.saga_id, detail: `it is still ${saga.status}` };
        if (cancellation === "in progress")
          yield { saga_id: saga.saga_id, detail: "its order is still being cancelled" };
      }
      yield* backlogs(open.unpublished, (count) =>
        plural(count, "outbox row is not published", "outbox rows are not published"),
      );
      yield* backlogs(open.retries, (count) =>
        plural(count, "command waits for a retry", "commands wait for a retry"),
      );
    },
  },
];

/**
 * True for a record that no role of ours can have written, because it has no id, and whose dead letters an operator has discarded, all of
 * them. A record with an id stays a violation: a fault of ours may have written it past the outbox.
 */
export function isDiscardedForeign({ id, deadLetters }: StrayRecord): boolean {
  return id === null && deadLetters.length > 0 && deadLetters.every(({ discard }) => discard !== null);
}

function adviceOn({ topic, id, deadLetters }: StrayRecord): string {
  const days = (topic === TOPICS.deadLetters ? DEAD_LETTER_RETENTION_MS : TOPIC_RETENTION_MS) / DAY_MS;
  const until = `this stays until Kafka deletes the message, ${days} days after it was sent or a little later`;
  const open = deadLetters.filter(({ discard }) => discard === null).map((one) => one.dead_letter_id);
  if (id === null && open.length > 0)
    return `: no role of ours writes such a message; if nothing of it is needed, \`dlq discard ${open.join(" ")}\` settles it`;
  if (id === null) return `: no role of ours writes such a message, and it has no dead letter; ${until}`;
  if (deadLetters.length === 0) return "";
  const [first] = deadLetters;
  return first === undefined || open.length > 0
    ? `; its dead letter is ${open.join(", ")}`
    : `; its dead letter was discarded by ${first.discard?.actor}, but it has an id, so a fault of ours may have sent it: ${until}`;
}

function* backlogs(byDatabase: Readonly<Record<string, Backlog>>, inWords: (count: number) => string) {
  for (const [database, { count }] of Object.entries(byDatabase)) {
    if (count > 0) yield { saga_id: null, detail: `${database}: ${inWords(count)}` };
  }
}
