// How long things are remembered, against how long the others keep them.
import { expect, test } from "bun:test";
import { DEAD_LETTER_RETENTION_MS, TOPIC_RETENTION_MS } from "../../schemas/topics.ts";
import { INBOX_RETENTION_MS, OUTBOX_RETENTION_MS } from "./retention.ts";

test("an inbox row outlives every copy of its message: in the topic, then among the dead letters, then replayed", () => {
  expect(INBOX_RETENTION_MS).toBeGreaterThan(TOPIC_RETENTION_MS + DEAD_LETTER_RETENTION_MS);
});

test("an outbox row is there for as long as Kafka would have kept its message", () => {
  expect(OUTBOX_RETENTION_MS).toBeGreaterThan(TOPIC_RETENTION_MS);
});
