// Outboxes against topics, 202 responses against sagas, and, if requested, that no work is left.
import type { Backlog } from "../facts.ts";
import type { Invariant } from "../invariant.ts";

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
    sentence: "Every message in a topic was written to an outbox first.",
    *check({ messages: { strays } }) {
      for (const { saga_id, topic, partition, offset, id } of strays) {
        const what = id === null ? "a message without an id" : `message ${id}`;
        yield { saga_id, detail: `${what} at ${topic}[${partition}]@${offset} is in no outbox` };
      }
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
      yield* backlogs(open.unpublished, "outbox rows are not published");
      yield* backlogs(open.retries, "commands wait for a retry");
    },
  },
];

function* backlogs(byDatabase: Readonly<Record<string, Backlog>>, what: string) {
  for (const [database, { count }] of Object.entries(byDatabase)) {
    if (count > 0) yield { saga_id: null, detail: `${database}: ${count} ${what}` };
  }
}
