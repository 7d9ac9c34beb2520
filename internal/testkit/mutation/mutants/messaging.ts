// Mistakes with a message that arrives: message processor, inbox, hints, retries, dead letters.
import type { Mutant } from "../mutant.ts";

const EFFECT = "internal/messaging/inbox-transaction.ts";
const PROCESSOR = "internal/messaging/message-processor.ts";
const HINTS = "internal/messaging/dedup-cache.ts";
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
    title: "What Redis does not know counts as new: a flush and a redelivery, and everything happens twice.",
    edits: [{ file: EFFECT, find: "    if (!unseen.has(message.message_id)) continue;\n", replace: "" }],
    caughtBy: {
      layer: "int",
      file: PROCESSOR_TEST,
      test: "flushed, it costs nothing but a look into the inbox",
    },
  },
  {
    id: "redis-believed",
    title: "What Redis calls seen is dropped unchecked: a mark without its effect loses the message.",
    edits: [
      {
        file: HINTS,
        find: "return deliveries.filter((delivery) => !confirmed.has(delivery.message.message_id));",
        replace: "return deliveries.filter((delivery) => !claimed.includes(delivery.message.message_id));",
      },
    ],
    caughtBy: {
      layer: "int",
      file: PROCESSOR_TEST,
      test: "when it calls a message seen that never was, the message is handled all the same",
    },
  },
  {
    id: "seen-is-only-in-redis",
    title:
      "The effect is committed without its inbox entry: a crash before the mark in Redis makes it happen again.",
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
      test: "dies after its transaction, before Redis and the offsets know",
    },
  },
  {
    id: "saga-in-two-parts",
    title: "Messages of one saga are applied side by side: the later one may come first.",
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
      test: "those of a saga together and in their order",
    },
  },
  {
    id: "part-left-running",
    title: "One part fails, and the batch is repeated while the other part is still at work.",
    edits: [{ file: SIDE_BY_SIDE, find: "  await Promise.allSettled(work);\n", replace: "" }],
    caughtBy: {
      layer: "unit",
      file: SIDE_BY_SIDE_TEST,
      test: "waits for all before it throws what failed",
    },
  },
  {
    id: "inbox-of-its-own",
    title:
      "The inbox entry is a transaction of its own: when the effect fails, its repetition is taken for a duplicate.",
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
      test: "is left alone until its delay is over, then has its effect once and leaves the table",
    },
  },
  {
    id: "repeated-in-one-batch",
    title: "A message that is in one batch twice has its effect twice.",
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
      test: "a message that comes twice counts once, within a batch and after it",
    },
  },
  {
    id: "offsets-before-effects",
    title: "The offsets are committed before the transaction: what fails in between is lost.",
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
      test: "a process told to stop gives the batch back, and the next one has it",
    },
  },
  {
    id: "retry-in-the-partition",
    title: "A failed message is waited for where it stands, and its partition with it.",
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
      test: "it stands alone in the retry table, byte for byte, and its saga is as it was",
    },
  },
  {
    id: "split-blames-neighbours",
    title:
      "Splitting a failed batch stops at two messages, and the innocent one waits with the poison message.",
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
    title: "Of a failed batch only the first half is looked at for the poison message.",
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
    title:
      "Two transactions that meet at a unique key are not repeated: the second command waits for a retry.",
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
      test: "a reserve and a release of one saga that race end with nothing held",
    },
  },
  {
    id: "undo-given-up",
    title: "A refund or release that fails three times goes to the dead letters like any command.",
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
      test: "what must not be given up goes on",
    },
  },
  {
    id: "saga-not-told",
    title: "A command goes to the dead letters and its saga hears nothing of it.",
    edits: [
      {
        file: "internal/messaging/give-up.ts",
        find: "return [...deadLetterStatements(tx, records), ...notices];",
        replace: "return notices.length < 0 ? [] : deadLetterStatements(tx, records);",
      },
    ],
    caughtBy: {
      layer: "int",
      file: RETRY_TEST,
      test: "a command goes to the dead letters, its saga is told",
    },
  },
  {
    id: "dead-letter-per-delivery",
    title: "A dead letter is written anew each time its message is delivered.",
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
      test: "has one id per delivery and service",
    },
  },
  {
    id: "inbox-as-short-as-redis",
    title: "The memory of what was handled lasts a day, Kafka's three and the dead letters' thirty.",
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
    title: "An event goes out while its transaction may still fail: the saga acts on what never happened.",
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
      test: "nothing goes out of a transaction that fails",
    },
  },
  {
    id: "marked-without-kafka",
    title: "An event that Kafka has not taken is marked as published: nobody ever says it.",
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
      test: "what Kafka has not taken stays for the relay",
    },
  },
  {
    id: "net-with-a-hole",
    title: "The relay leaves an event to a process that is dead for good.",
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
      test: "what a process that died had still to publish",
    },
  },
  {
    id: "woken-for-what-comes",
    title: "A relay that is woken takes what the roles write from then on, too, and both publish it.",
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
      test: "a relay that is woken takes all that is written by then",
    },
  },
  {
    id: "locked-row-is-a-failure",
    title:
      "Waiting for a row that somebody has locked uses up a message's retries, and it is dead-lettered for it.",
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
      test: "none of it counts, and nothing is dead-lettered",
    },
  },
  {
    id: "locked-row-stops-its-batch",
    title: "A batch waits for a locked row again each time, and so do all that do not want it.",
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
      test: "once it is known, no batch waits for it any more",
    },
  },
];
