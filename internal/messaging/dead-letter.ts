// The record an operator finds on `checkout-dlq`: the message byte for byte, with the error. Like everything else it is written
// through the outbox. Called by the message processor (unreadable messages) and the retry loop (the last retry failed).
import { timestampOf } from "../kernel/timestamp.ts";
import { createHash } from "node:crypto";
import type { DeadLetter } from "../../schemas/dead-letter.ts";
import { AppError, AssertionError, describeError } from "../kernel/errors.ts";
import type { RawMessage } from "../kernel/ports.ts";

const MAX_CODE_LENGTH = 100;
const MAX_MESSAGE_LENGTH = 1_000;
/** Above this size the readable copy is left out; the base64 copy is always complete. Keeps the record within the topic's limit. */
const MAX_READABLE_CHARACTERS = 64 * 1_024;
/** Postgres rejects JSON nested several thousand levels deep. */
const MAX_READABLE_DEPTH = 100;

/** The error, as the record stores it. */
export interface Cause {
  readonly code: string;
  readonly message: string;
}

export interface DeadMessage {
  readonly raw: RawMessage;
  /** The parsed value; undefined when the bytes are not JSON. */
  readonly value: unknown;
  readonly sagaId: string | undefined;
  readonly cause: Cause;
  readonly retryCount: number;
  /** Epoch ms. */
  readonly firstFailedAt: number;
  readonly lastFailedAt: number;
}

export function deadLetter(service: string, dead: DeadMessage): DeadLetter {
  const { raw } = dead;
  return {
    dead_letter_id: deadLetterId(service, raw),
    saga_id: dead.sagaId ?? null,
    service,
    original_command: readable(dead.value),
    error_code: dead.cause.code,
    error_message: dead.cause.message,
    retry_count: dead.retryCount,
    first_failure_at: timestampOf(dead.firstFailedAt),
    last_failure_at: timestampOf(dead.lastFailedAt),
    original: {
      topic: raw.topic,
      partition: raw.partition,
      offset: raw.offset,
      key_base64: raw.key === null ? null : base64(raw.key),
      value_base64: raw.value === null ? null : base64(raw.value),
      headers: storedHeaders(raw),
    },
  };
}

/** Headers as JSON: values byte for byte, names cleaned so that they can be stored. */
export function storedHeaders(raw: RawMessage): DeadLetter["original"]["headers"] {
  return raw.headers.map(([name, value]) => ({ name: line(name), value_base64: base64(value) }));
}

/** Records of one saga share its partition. A record without a saga gets a key that is the same at every redelivery. */
export function deadLetterKey(record: DeadLetter): string {
  const { topic, partition, offset } = record.original;
  return record.saga_id ?? `${topic}-${partition}-${offset}`;
}

export function causeOf(error: unknown): Cause {
  if (error instanceof AppError) return cause(error.code, describeError(error));
  return cause(error instanceof AssertionError ? "ASSERTION_FAILED" : "HANDLER_FAILED", describeError(error));
}

/** Cuts and cleans both texts to fit Postgres and the schema of the record. */
export function cause(code: string, message: string): Cause {
  return { code: line(code, MAX_CODE_LENGTH), message: line(message, MAX_MESSAGE_LENGTH) };
}

/**
 * A UUIDv7 computed from the position of the message in Kafka. A redelivery after a crash gives the same id, so the record is
 * written once. A replay has another position and gives another id.
 */
export function deadLetterId(service: string, raw: RawMessage): string {
  const time = Math.max(0, raw.timestampMs).toString(16).padStart(12, "0").slice(-12);
  const place = `${service}\n${raw.topic}\n${raw.partition}\n${raw.offset}\n${raw.timestampMs}`;
  const hash = createHash("sha256").update(place).digest("hex");
  const variant = ((Number.parseInt(hash.slice(3, 4), 16) & 0x3) | 0x8).toString(16);
  return [
    time.slice(0, 8),
    time.slice(8),
    `7${hash.slice(0, 3)}`,
    `${variant}${hash.slice(4, 7)}`,
    hash.slice(7, 19),
  ].join("-");
}

/** The value for an operator to read; null when jsonb would reject it or when it is too long to store twice. */
function readable(value: unknown): unknown {
  if (value === undefined || isDeeperThan(MAX_READABLE_DEPTH, value)) return null;
  const text = JSON.stringify(value);
  const hasUnstorableCharacter = /\\u(0000|d[89a-f])/i.test(text);
  return text.length > MAX_READABLE_CHARACTERS || hasUnstorableCharacter ? null : value;
}

function isDeeperThan(levels: number, value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  return levels === 0 || Object.values(value).some((inner) => isDeeperThan(levels - 1, inner));
}

/** One line of at most `maxLength`. jsonb rejects NUL and half surrogate pairs, and readers cannot read control characters. */
function line(text: string, maxLength = Infinity): string {
  return text
    .replaceAll(/\p{Cc}/gu, " ")
    .slice(0, maxLength)
    .toWellFormed();
}

export function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64");
}
