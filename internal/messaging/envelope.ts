// Converts between a decision's bare message and the message on the wire. `envelop` adds what a pure function cannot know (id,
// time, version, trace context) and the topic; `decode` is the way back. Called by the message processor and by every writer of an
// outbox.
import { assert } from "../kernel/errors.ts";
import { timestampOf } from "../kernel/timestamp.ts";
import { SCHEMA_VERSION } from "../../schemas/envelope.ts";
import { MESSAGES, type Message, type MessageType, validatorOf } from "../../schemas/registry.ts";
import type { Topic } from "../../schemas/topics.ts";
import type { Outgoing } from "./handler.ts";
import { UUID } from "../kernel/uuid.ts";

/** A message on its way into the outbox. */
export interface Envelope {
  readonly topic: Topic;
  readonly message: Message;
}

export interface EnvelopeContext {
  /**
   * The topic of messages that use their sender's own topic (`CommandRefused`, `CommandDeadLettered`). Only services send these.
   */
  readonly eventTopic?: Topic;
  /** UUIDv7, monotonic: the relay claims in id order. */
  readonly newId: () => string;
  /** Milliseconds since the Unix epoch. */
  readonly now: number;
}

/** Wraps what a decision returned, in order. `traceparent` is the W3C trace context of its cause. */
export function envelop(
  outgoing: readonly Outgoing[],
  context: EnvelopeContext,
  traceparent?: string,
): readonly Envelope[] {
  const occurred_at = timestampOf(context.now);
  return outgoing.map((body) => {
    const { topic } = MESSAGES[body.type];
    const message = {
      message_id: context.newId(),
      schema_version: SCHEMA_VERSION,
      occurred_at,
      ...(traceparent === undefined ? {} : { traceparent }),
      ...body,
    };
    return { topic: topic === "own" ? ownTopic(body, context) : topic, message };
  });
}

function ownTopic({ type }: Outgoing, { eventTopic }: EnvelopeContext): Topic {
  assert(eventTopic !== undefined, `${type} goes to its sender's own topic, and this sender has none`);
  return eventTopic;
}

/** Why a value is not a valid message, with the readable part of its envelope. */
export interface InvalidMessage {
  readonly code: "UNDECODABLE" | "UNKNOWN_TYPE" | "SCHEMA_VIOLATION" | "TYPE_MISMATCH" | "WRONG_TOPIC";
  readonly reason: string;
  readonly type: string | undefined;
  readonly saga_id: string | undefined;
  readonly message_id: string | undefined;
}

export type Decoded =
  { readonly ok: true; readonly message: Message } | { readonly ok: false; readonly invalid: InvalidMessage };

/** Checks a parsed JSON value against the schema of the type it claims. */
export function decode(value: unknown): Decoded {
  const type = textField(value, "type");
  const refuse = (code: InvalidMessage["code"], reason: string): Decoded => ({
    ok: false,
    invalid: {
      code,
      reason,
      type,
      saga_id: uuidField(value, "saga_id"),
      message_id: uuidField(value, "message_id"),
    },
  });
  if (type === undefined) return refuse("UNKNOWN_TYPE", "the value is not an object with a `type`");
  const validator = validatorOf(type);
  if (validator === undefined) return refuse("UNKNOWN_TYPE", `unknown message type ${quoted(type)}`);
  if (isValid(validator, value)) return { ok: true, message: value };
  const first = validator.Errors(value).First();
  return refuse(
    "SCHEMA_VIOLATION",
    `${type}${first?.path ?? ""}: ${first?.message ?? "does not match its schema"}`,
  );
}

/** Narrows a type from outside to a known message type. */
export function isMessageType(type: string): type is MessageType {
  return Object.hasOwn(MESSAGES, type);
}

/** The registry keeps validators by type name, so a value that passes one is a message of that type. */
function isValid(validator: NonNullable<ReturnType<typeof validatorOf>>, value: unknown): value is Message {
  return validator.Check(value);
}

function uuidField(value: unknown, name: string): string | undefined {
  const text = textField(value, name);
  return text !== undefined && UUID.test(text) ? text : undefined;
}

function textField(value: unknown, name: string): string | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const field: unknown = Reflect.get(value, name);
  return typeof field === "string" ? field : undefined;
}

/** A name from outside is cut to this length and escaped, so that it cannot break our log line. */
const MAX_QUOTED_LENGTH = 100;

function quoted(text: string): string {
  return JSON.stringify(text.slice(0, MAX_QUOTED_LENGTH));
}
