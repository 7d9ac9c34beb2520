// For tests that send made-up messages to topics of their own.
import type { OutboxRule } from "../../schemas/outbox-rules.ts";

export const ANYTHING: OutboxRule = { maySend: () => true, pairs: [] };
