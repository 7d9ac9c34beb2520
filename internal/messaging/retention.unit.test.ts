// How long rows are kept, compared with how long their messages are kept elsewhere.
import { expect, test } from "bun:test";
import { DEAD_LETTER_RETENTION_MS, TOPIC_RETENTION_MS } from "../../schemas/topics.ts";
import { INBOX_RETENTION_MS, OUTBOX_RETENTION_MS } from "./retention.ts";

test("an inbox row outlives every copy of its message: in the topic, then among the dead letters, then replayed", () => {
  expect(INBOX_RETENTION_MS).toBeGreaterThan(TOPIC_RETENTION_MS + DEAD_LETTER_RETENTION_MS);
});

test("an outbox row is kept longer than Kafka keeps its message", () => {
  expect(OUTBOX_RETENTION_MS).toBeGreaterThan(TOPIC_RETENTION_MS);
});
