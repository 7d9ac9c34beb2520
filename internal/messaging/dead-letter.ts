// The record an operator finds on `checkout-dlq`: the message byte for byte, with what went wrong. Built here, written
// through the outbox like everything else. Called by the message processor (unreadable messages) and the retry loop (the last retry failed).
import { timestampOf } from "../kernel/timestamp.ts";
import { createHash } from "node:crypto";
import type { DeadLetter } from "../../schemas/dead-letter.ts";
import { AppError, AssertionError, describeError } from "../kernel/errors.ts";
import type { RawMessage } from "../kernel/ports.ts";

const MAX_CODE_LENGTH = 100;
const MAX_MESSAGE_LENGTH = 1_000;
/** The readable copy is left out beyond this; the base64 one is always whole. Keeps the record within the topic's limit. */
const MAX_READABLE_CHARACTERS = 64 * 1_024;
/** Postgres refuses JSON nested some thousand levels deep. */
const MAX_READABLE_DEPTH = 100;

/** What went wrong, in the words of the record. */
export interface Cause {
  readonly code: string;
  readonly message: string;
}

export interface DeadMessage {
  readonly raw: RawMessage;
  /** As parsed; undefined where the bytes are no JSON. */
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

/** Headers as JSON: values byte for byte, names cleaned where they could not be stored. */
export function storedHeaders(raw: RawMessage): DeadLetter["original"]["headers"] {
  return raw.headers.map(([name, value]) => ({ name: line(name), value_base64: base64(value) }));
}

/** Records of one saga share its partition; one without a saga has a key that is the same at every redelivery. */
export function deadLetterKey(record: DeadLetter): string {
  const { topic, partition, offset } = record.original;
  return record.saga_id ?? `${topic}-${partition}-${offset}`;
}

/** The cause of a thrown error. */
export function causeOf(error: unknown): Cause {
  if (error instanceof AppError) return cause(error.code, describeError(error));
  return cause(error instanceof AssertionError ? "ASSERTION_FAILED" : "HANDLER_FAILED", describeError(error));
}

/** Cuts and cleans both texts to what Postgres and the record's schema take. */
export function cause(code: string, message: string): Cause {
  return { code: line(code, MAX_CODE_LENGTH), message: line(message, MAX_MESSAGE_LENGTH) };
}

/**
 * A UUIDv7 computed from where the message stood in Kafka, so that a delivery that is repeated after a crash gives the same
 * record and is written once; a replay stands elsewhere and gives another.
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

/** The value for an operator's eyes; null where jsonb would refuse it or where it is too long to be carried twice. */
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

/** One line of at most `maxLength`: jsonb takes neither NUL nor half a surrogate pair, and a reader no control characters. */
function line(text: string, maxLength = Infinity): string {
  return text
    .replaceAll(/\p{Cc}/gu, " ")
    .slice(0, maxLength)
    .toWellFormed();
}

export function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64");
}
