// Dead letters as the services write them, for the tests of operator actions.
import type { DeadLetter } from "../../schemas/dead-letter.ts";
import { MESSAGES, type Message } from "../../schemas/registry.ts";
import { type Topic, TOPICS } from "../../schemas/topics.ts";
import { cause, deadLetter } from "../messaging/dead-letter.ts";

export interface DeadLetterOptions {
  readonly service: string;
  readonly topic?: Topic;
  readonly code?: string;
  readonly error?: string;
  /** Epoch ms of the last failure. */
  readonly failedAt?: number;
}

let offset = 0;

/** The record of a message that failed four times. Each call uses a new offset. */
export function deadLetterOf(message: Message, options: DeadLetterOptions): DeadLetter {
  const { topic } = MESSAGES[message.type];
  const place = options.topic ?? (topic === "own" ? TOPICS.inventoryEvents : topic);
  const bytes = Buffer.from(JSON.stringify(message));
  return recordOf(bytes, message, message.saga_id, { ...options, topic: place });
}

/** The record of bytes that are not a message. */
export function deadBytes(bytes: Buffer, options: DeadLetterOptions): DeadLetter {
  return recordOf(bytes, undefined, undefined, options);
}

function recordOf(
  bytes: Buffer,
  value: unknown,
  sagaId: string | undefined,
  {
    service,
    topic = TOPICS.commands,
    code = "HANDLER_FAILED",
    error = "boom",
    failedAt = Date.now(),
  }: DeadLetterOptions,
): DeadLetter {
  offset += 1;
  const timestampMs = Date.now() - 60_000 + offset;
  const type =
    value === undefined ? [] : [["type", Buffer.from(String(Reflect.get(Object(value), "type")))] as const];
  return deadLetter(service, {
    raw: { topic, partition: 0, offset, timestampMs, key: null, value: bytes, headers: type },
    value,
    sagaId,
    cause: cause(code, error),
    retryCount: 4,
    firstFailedAt: failedAt - 31_000,
    lastFailedAt: failedAt,
  });
}
