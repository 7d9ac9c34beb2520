// Mistakes between the outbox and Kafka.
import type { Mutant } from "../mutant.ts";

const RELAY = "internal/messaging/relay.ts";
const RELAY_STORE = "internal/messaging/relay-store.ts";
const RELAY_TEST = "internal/messaging/relay.unit.test.ts";

export const RELAY_MUTANTS: readonly Mutant[] = [
  {
    id: "published-before-acknowledged",
    title: "Events are marked as published when they are sent, not when Kafka has them.",
    edits: [
      {
        file: RELAY,
        find: "claim.ids.length === 0 ? [] : await this.#produce(claim.text, claim.ids);",
        replace:
          "claim.ids;\n      if (published.length > 0) void this.#produce(claim.text, claim.ids).catch(() => undefined);",
      },
    ],
    caughtBy: {
      layer: "unit",
      file: RELAY_TEST,
      test: "gives the whole claim back when nothing could be delivered, and claims it again",
    },
  },
  {
    id: "refused-counts-as-published",
    title: "Where Kafka takes a part of a batch, all of it is marked as published.",
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
      test: "leaves what was not delivered alone for a second, while the others go on",
    },
  },
  {
    id: "relays-without-claim",
    title: "Relays do not claim: each publishes everything.",
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
    title:
      "An event that Kafka has taken is deleted from the outbox: a Kafka that is lost cannot be rebuilt.",
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
    title: "What a clock an hour ahead has put off waits for an hour after the clock was set right.",
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
      test: "does not leave it alone for as long as a clock was wrong",
    },
  },
  {
    id: "old-mails-again",
    title: "After a loss of Kafka, mails are said again that their service has long forgotten to have sent.",
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
      test: "mails that their service may have forgotten are left out",
    },
  },
  {
    id: "ids-in-another-order",
    title:
      "The relay's ids are not in the order of its events: of a batch that Kafka takes in part, the wrong ones are marked.",
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
