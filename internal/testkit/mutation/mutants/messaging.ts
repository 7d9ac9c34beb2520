// Mutants of message handling: message processor, inbox, dedup cache, retries, dead letters.
import type { Mutant } from "../mutant.ts";

const EFFECT = "internal/messaging/inbox-transaction.ts";
const PROCESSOR = "internal/messaging/message-processor.ts";
const DEDUP_CACHE = "internal/messaging/dedup-cache.ts";
const PUBLISHER = "internal/messaging/publisher.ts";
const PUBLISHER_TEST = "internal/messaging/publisher.unit.test.ts";
const BISECT = "internal/messaging/bisect.ts";
const SIDE_BY_SIDE = "internal/messaging/side-by-side.ts";
const SIDE_BY_SIDE_TEST = "internal/messaging/side-by-side.unit.test.ts";
const PROCESSOR_TEST = "internal/messaging/message-processor.int.test.ts";
const RETRY_TEST = "internal/messaging/retry.int.test.ts";

export const MESSAGING_MUTANTS: readonly Mutant[] = [
  {
    id: "redis-decides",
    title:
      "A message that Redis does not know counts as new: after a flush, a redelivery takes effect twice.",
    edits: [{ file: EFFECT, find: "    if (!unseen.has(message.message_id)) continue;\n", replace: "" }],
    caughtBy: {
      layer: "int",
      file: PROCESSOR_TEST,
      test: "after a flush the inbox finds the duplicates",
    },
  },
  {
    id: "redis-believed",
    title:
      "A message that Redis reports as seen is dropped without a check: a wrong entry loses the message.",
    edits: [
      {
        file: DEDUP_CACHE,
        find: "return deliveries.filter((delivery) => !confirmed.has(delivery.message.message_id));",
        replace: "return deliveries.filter((delivery) => !claimed.includes(delivery.message.message_id));",
      },
    ],
    caughtBy: {
      layer: "int",
      file: PROCESSOR_TEST,
      test: "a message that is wrongly reported as seen is handled",
    },
  },
  {
    id: "seen-is-only-in-redis",
    title:
      "The effect is committed without its inbox entry: after a crash before the Redis entry it happens again.",
    edits: [
      {
        file: EFFECT,
        find: "    enterInbox(\n      tx,\n      messages.map((message) => message.message_id),\n    ),",
        replace: "    Promise.resolve(new Set(messages.map((message) => message.message_id))),",
      },
    ],
    caughtBy: {
      layer: "int",
      file: PROCESSOR_TEST,
      test: "after a process dies between its transaction and the Redis mark",
    },
  },
  {
    id: "saga-in-two-parts",
    title: "Messages of one saga are applied in parallel: the later one may come first.",
    edits: [
      {
        file: SIDE_BY_SIDE,
        find: "delivery.message.saga_id, count",
        replace: "delivery.message.message_id, count",
      },
    ],
    caughtBy: {
      layer: "unit",
      file: SIDE_BY_SIDE_TEST,
      test: "messages of a saga stay together and in order",
    },
  },
  {
    id: "part-left-running",
    title: "One part fails, and the batch is repeated while another part is still running.",
    edits: [{ file: SIDE_BY_SIDE, find: "  await Promise.allSettled(work);\n", replace: "" }],
    caughtBy: {
      layer: "unit",
      file: SIDE_BY_SIDE_TEST,
      test: "waits for all work before it throws a failure",
    },
  },
  {
    id: "inbox-of-its-own",
    title: "The inbox entry has its own transaction: if the effect fails, its retry counts as a duplicate.",
    edits: [
      {
        file: EFFECT,
        find: "    enterInbox(\n      tx,",
        replace: "    enterInbox(\n      context.database.sql as unknown as typeof tx,",
      },
    ],
    caughtBy: {
      layer: "int",
      file: RETRY_TEST,
      test: "waits until its delay is over, then has its effect once and leaves the table",
    },
  },
  {
    id: "repeated-in-one-batch",
    title: "A message that is twice in one batch takes effect twice.",
    edits: [
      {
        file: PROCESSOR,
        find: "const unseen = await withoutSeen(distinct,",
        replace: "const unseen = await withoutSeen(deliveries,",
      },
    ],
    caughtBy: {
      layer: "int",
      file: PROCESSOR_TEST,
      test: "a message delivered twice counts once, within a batch and after it",
    },
  },
  {
    id: "offsets-before-effects",
    title: "The offsets are committed before the transaction: a failure in between loses messages.",
    edits: [
      {
        file: PROCESSOR,
        find: "        const { counts, settled } = await this.#process(deliveries, unreadable);",
        replace:
          "        batch.done();\n" +
          "        const { counts, settled } = await this.#process(deliveries, unreadable);",
      },
    ],
    caughtBy: {
      layer: "int",
      file: PROCESSOR_TEST,
      test: "lets a stopping process release the batch, and the next process handles it",
    },
  },
  {
    id: "retry-in-the-partition",
    title: "The retry of a failed message blocks its partition.",
    edits: [
      {
        file: PROCESSOR,
        find: "    await this.#setAside(failures, unreadable);\n",
        replace:
          "    if (failures.length > 0) for (const ms of RETRY_LIMITS.delaysMs) await pause(ms);\n" +
          "    await this.#setAside(failures, unreadable);\n",
      },
    ],
    caughtBy: {
      layer: "int",
      file: PROCESSOR_TEST,
      test: "it is alone in the retry table, byte for byte, and its saga is unchanged",
    },
  },
  {
    id: "split-blames-neighbours",
    title: "Bisecting a failed batch stops at two messages, so a good message waits with the poison message.",
    edits: [
      {
        file: BISECT,
        find: "if (items.length === 1) return [{ item: first, error }];",
        replace: "if (items.length <= 2) return items.map((item) => ({ item, error }));",
      },
    ],
    caughtBy: { layer: "unit", file: "internal/messaging/bisect.unit.test.ts" },
  },
  {
    id: "split-forgets-half",
    title: "Only the first half of a failed batch is searched for the poison message.",
    edits: [
      {
        file: BISECT,
        find: "return [...left, ...right];",
        replace: "return right.length > 0 ? left : [...left, ...right];",
      },
    ],
    caughtBy: { layer: "unit", file: "internal/messaging/bisect.unit.test.ts" },
  },
  {
    id: "conflict-not-repeated",
    title: "A transaction with a unique key conflict is not repeated: its command waits for a retry.",
    edits: [
      {
        file: EFFECT,
        find: "|| conflicts > MAX_CONFLICTS) throw error",
        replace: "|| conflicts > 0) throw error",
      },
    ],
    caughtBy: {
      layer: "int",
      file: "internal/services/inventory/handler.int.test.ts",
      test: "a racing reserve and release of one saga end with nothing held",
    },
  },
  {
    id: "undo-given-up",
    title: "A refund or release that fails three times is dead-lettered like any command.",
    edits: [
      {
        file: "internal/messaging/retry-policy.ts",
        find: 'if (!retryForever) return { kind: "give-up" };',
        replace: 'if (retryForever || !retryForever) return { kind: "give-up" };',
      },
    ],
    caughtBy: {
      layer: "unit",
      file: "internal/messaging/retry-policy.unit.test.ts",
      test: "a message that is never dead-lettered is retried",
    },
  },
  {
    id: "saga-not-told",
    title: "A command is dead-lettered, but its saga gets no event about it.",
    edits: [
      {
        file: "internal/messaging/give-up.ts",
        find: "return [...deadLetterStatements(tx, records), ...reports];",
        replace: "return reports.length < 0 ? [] : deadLetterStatements(tx, records);",
      },
    ],
    caughtBy: {
      layer: "int",
      file: RETRY_TEST,
      test: "a command is dead-lettered, its saga gets an event",
    },
  },
  {
    id: "dead-letter-per-delivery",
    title: "Every delivery of a message writes a new dead letter.",
    edits: [
      {
        file: "internal/messaging/dead-letter.ts",
        find: 'createHash("sha256").update(place)',
        replace: 'createHash("sha256").update(place + String(Math.random()))',
      },
    ],
    caughtBy: {
      layer: "unit",
      file: "internal/messaging/dead-letter.unit.test.ts",
      test: "has one id per position and service",
    },
  },
  {
    id: "inbox-as-short-as-redis",
    title:
      "The inbox keeps handled messages for a day, but Kafka keeps messages for three and dead letters for thirty.",
    edits: [
      {
        file: "internal/messaging/retention.ts",
        find: "INBOX_RETENTION_MS = TOPIC_RETENTION_MS + DEAD_LETTER_RETENTION_MS + DAY_MS;",
        replace: "INBOX_RETENTION_MS = DAY_MS;",
      },
    ],
    caughtBy: {
      layer: "unit",
      file: "internal/messaging/retention.unit.test.ts",
      test: "outlives every copy of its message",
    },
  },
  {
    id: "published-before-its-commit",
    title:
      "An event is published while its transaction may still fail: the saga acts on something that never happened.",
    edits: [
      {
        file: PUBLISHER,
        find: "work({ tx, send, finish, appended }),\n      );\n",
        replace:
          "work({ tx, send, finish, appended }).finally(() => publisher.offer(appended)),\n      );\n      if (appended.length >= 0) return result;\n",
      },
    ],
    caughtBy: {
      layer: "unit",
      file: PUBLISHER_TEST,
      test: "a transaction that fails publishes nothing",
    },
  },
  {
    id: "marked-without-kafka",
    title: "An event that Kafka did not accept is marked as published, so it is never published.",
    edits: [
      {
        file: PUBLISHER,
        find: "events.filter((_, index) => !failed.has(index)).map(",
        replace: "events.filter((_, index) => !failed.has(-1 - index)).map(",
      },
    ],
    caughtBy: {
      layer: "unit",
      file: PUBLISHER_TEST,
      test: "undelivered events stay for the relay",
    },
  },
  {
    id: "net-with-a-hole",
    title: "The relay leaves an event to a process that is dead.",
    edits: [
      {
        file: "internal/messaging/relay.ts",
        find: "wokenAt === undefined ? graceMs :",
        replace: "wokenAt === undefined ? 1_000 * graceMs :",
      },
      {
        file: "internal/messaging/relay.ts",
        find: "Math.min(graceMs, sinceWokenMs)",
        replace: "sinceWokenMs",
      },
    ],
    caughtBy: {
      layer: "int",
      file: "internal/messaging/publisher.int.test.ts",
      test: "the relay publishes the events of a dead process",
    },
  },
  {
    id: "woken-for-what-comes",
    title: "A woken relay also takes events that roles write later, so both publish them.",
    edits: [
      {
        file: "internal/messaging/relay.ts",
        find: ": Math.floor(startedAt - wokenAt);",
        replace: ": 0;",
      },
    ],
    caughtBy: {
      layer: "int",
      file: "internal/messaging/publisher.int.test.ts",
      test: "a woken relay takes everything written by then",
    },
  },
  {
    id: "locked-row-is-a-failure",
    title: "Waiting for a locked row uses up a message's retries, so the message is dead-lettered.",
    edits: [
      {
        file: "internal/messaging/retry.ts",
        find: "failure.isHeld ? this.#nextLook(failure, now) : this.#nextDelay(failure)",
        replace: "this.#nextDelay(failure)",
      },
      {
        file: "internal/messaging/retry.ts",
        find: "isCounted: !failure.isHeld,",
        replace: "isCounted: true,",
      },
    ],
    caughtBy: {
      layer: "int",
      file: "internal/messaging/locked-rows.int.test.ts",
      test: "attempts on a locked row do not count, and nothing is dead-lettered",
    },
  },
  {
    id: "locked-row-stops-its-batch",
    title: "Every batch waits for a locked row again, including messages that do not need the row.",
    edits: [
      {
        file: "internal/messaging/lock-aware-applier.ts",
        find: "if (this.#caution.isWary(begunAt)) return",
        replace: "if (this.#caution.isWary(Number.NaN)) return",
      },
    ],
    caughtBy: {
      layer: "int",
      file: "internal/messaging/locked-rows.int.test.ts",
      test: "after the first lock timeout no batch waits for the row",
    },
  },
];
