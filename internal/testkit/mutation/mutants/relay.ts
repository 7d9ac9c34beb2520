// Mutants between the outbox and Kafka.
import type { Mutant } from "../mutant.ts";

const RELAY = "internal/messaging/relay.ts";
const RELAY_STORE = "internal/messaging/relay-store.ts";
const RELAY_TEST = "internal/messaging/relay.unit.test.ts";

export const RELAY_MUTANTS: readonly Mutant[] = [
  {
    id: "published-before-acknowledged",
    title: "Events are marked as published when they are sent, not when Kafka acknowledges them.",
    edits: [
      {
        file: RELAY,
        find: "ids.length === 0 ? [] : await this.#produce(text, ids);",
        replace:
          "ids;\n      if (published.length > 0) void this.#produce(text, ids).catch(() => undefined);",
      },
    ],
    caughtBy: {
      layer: "unit",
      file: RELAY_TEST,
      test: "releases the whole claim when nothing was delivered, and claims it again",
    },
  },
  {
    id: "refused-counts-as-published",
    title: "If Kafka accepts part of a batch, the whole batch is marked as published.",
    edits: [
      {
        file: RELAY,
        find: "return ids.filter((_, index) => !failed.has(index));",
        replace: "return failed.size > ids.length ? [] : ids;",
      },
    ],
    caughtBy: {
      layer: "unit",
      file: RELAY_TEST,
      test: "skips an undelivered event for a second, while the others continue",
    },
  },
  {
    id: "outbox-sends-anything",
    title: "The relay sends whatever is in an outbox, to whatever topic.",
    edits: [
      {
        file: RELAY,
        find: "if (refused.length === 0) return claim;",
        replace: "if (refused.length >= 0) return claim;",
      },
    ],
    caughtBy: {
      layer: "int",
      file: "internal/messaging/relay.int.test.ts",
      test: "the alert ends when the rows are gone",
    },
  },
  {
    id: "event-taken-from-any-topic",
    title: "The orchestrator takes an event from another service's topic.",
    edits: [
      {
        file: "internal/messaging/delivery.ts",
        find: "!(topics > 1 && isStray(decoded.message.type, batch.topic(index)))",
        replace: "topics >= 0",
      },
    ],
    caughtBy: {
      layer: "unit",
      file: "internal/messaging/delivery.unit.test.ts",
      test: "an event on another topic",
    },
  },
  {
    id: "relays-without-claim",
    title: "Relays do not claim events: each publishes all of them.",
    edits: [
      {
        file: RELAY_STORE,
        find: "order by event_id limit ${limit} for update skip locked) as ids)",
        replace: "order by event_id limit ${limit}) as ids)",
      },
    ],
    caughtBy: {
      layer: "int",
      file: "internal/messaging/relay.int.test.ts",
      test: "several relays on one outbox share it: each event is published exactly once",
    },
  },
  {
    id: "outbox-emptied",
    title: "A published event is deleted from the outbox: a lost Kafka cannot be rebuilt.",
    edits: [
      {
        file: RELAY_STORE,
        find:
          "    update outbox set published = true, published_at = clock_timestamp()\n" +
          "     where event_id = any(${arrayText(sorted)}::text::uuid[]) and not published\n",
        replace: "    delete from outbox where event_id = any(${arrayText(sorted)}::text::uuid[])\n",
      },
    ],
    caughtBy: {
      layer: "unit",
      file: RELAY_TEST,
      test: "marks what was delivered",
    },
  },
  {
    id: "fast-clock-waited-for",
    title: "An event deferred by a clock an hour ahead waits for an hour after the clock is corrected.",
    edits: [
      {
        file: "internal/kernel/backoff.ts",
        find: "return dueAt <= now || dueAt > now + LONGEST_PAUSE_MS;",
        replace: "return dueAt <= now;",
      },
    ],
    caughtBy: {
      layer: "unit",
      file: RELAY_TEST,
      test: "does not skip it for the error of a clock",
    },
  },
  {
    id: "old-mails-again",
    title:
      "After a loss of Kafka, old mails are published again although their service no longer remembers sending them.",
    edits: [
      {
        file: "internal/operations/republish-store.ts",
        find: "and (topic <> ${TOPICS.notifications} or",
        replace: "and (topic <> '' or ${TOPICS.notifications} = '' or",
      },
    ],
    caughtBy: {
      layer: "int",
      file: "internal/operations/republish.int.test.ts",
      test: "mails that the notification service may have forgotten are left out",
    },
  },
  {
    id: "ids-in-another-order",
    title:
      "The relay's ids are not in the order of its events: if Kafka accepts part of a batch, the wrong events are marked.",
    edits: [
      {
        file: RELAY_STORE,
        find: "string_agg(event_id::text, ',' order by event_id) as ids",
        replace: "string_agg(event_id::text, ',' order by event_id desc) as ids",
      },
    ],
    caughtBy: { layer: "audit", file: "internal/testkit/simulation/simulation.sim.test.ts" },
  },
];
