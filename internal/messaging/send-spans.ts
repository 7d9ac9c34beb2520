// The spans of sending: one per topic and batch, with links to the messages of recorded traces. A message keeps the trace context of
// the work that wrote it, because the outbox row is where the message was created; the sender only links to it. Used by publisher.ts
// and relay.ts.
import { RECORD_SEPARATOR } from "../kernel/ports.ts";
import {
  DATABASE,
  MESSAGING_BATCH,
  MESSAGING_DESTINATION,
  MESSAGING_OPERATION_NAME,
  MESSAGING_OPERATION_TYPE,
  MESSAGING_SYSTEM,
} from "../kernel/span-attributes.ts";
import type { Span, Tracer } from "../kernel/telemetry.ts";
import { topicOf } from "./access-denied.ts";

/**
 * As the outbox and Postgres write it. It cannot match inside a text field, where the quotes would be escaped. In a dead letter it finds
 * the trace of the message that died.
 */
const TRACEPARENT_FIELD = /"traceparent": ?"(00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2})"/;
/** A batch without this text has no message of a recorded trace; the search costs nothing compared with the send. */
const FIELD_NAME = '"traceparent"';
const NONE: readonly Span[] = [];

/** Starts the spans of sending `text`, records as `BatchProducer.produce` takes them. None if no message has a trace. */
export function startSends(tracer: Tracer, database: string, text: string): readonly Span[] {
  if (!tracer.isOn || !text.includes(FIELD_NAME)) return NONE;
  const topics = new Map<string, { count: number; readonly links: string[] }>();
  for (const record of text.split(RECORD_SEPARATOR)) {
    const topic = topicOf(record);
    const known = topics.get(topic) ?? { count: 0, links: [] };
    topics.set(topic, known);
    known.count += 1;
    const [, traceparent] = TRACEPARENT_FIELD.exec(record) ?? [];
    if (traceparent !== undefined) known.links.push(traceparent);
  }
  return [...topics].flatMap(([topic, { count, links }]) => {
    const [first] = links;
    if (first === undefined) return [];
    const attributes = {
      [MESSAGING_SYSTEM]: "kafka",
      [MESSAGING_OPERATION_NAME]: "send",
      [MESSAGING_OPERATION_TYPE]: "send",
      [MESSAGING_DESTINATION]: topic,
      [MESSAGING_BATCH]: count,
      [DATABASE]: database,
    };
    return [tracer.span(`send ${topic}`, first, { kind: "client", attributes, links })];
  });
}

/** `error`: why messages of the batch were not sent. */
export function endSends(spans: readonly Span[], error?: unknown): void {
  for (const span of spans) {
    if (error !== undefined) span.fail(error);
    span.end();
  }
}
