// Sorts the messages of a poll: those to handle, those to dead-letter because no service can handle them, and those of other
// services. Called by the message processor, and by the notification service, which has no database.
import { isStray } from "../../schemas/outbox-rules.ts";
import type { Message, MessageOf, MessageType } from "../../schemas/registry.ts";
import type { ConsumedBatch, RawMessage } from "../kernel/ports.ts";
import { decode, isMessageType, type InvalidMessage } from "./envelope.ts";

/** A message to handle. `raw` returns its original bytes until the batch is released. */
export interface Delivery<Type extends MessageType> {
  readonly message: MessageOf<Type>;
  readonly value: unknown;
  raw(): RawMessage;
}

/** A message that no retry can read. */
export interface Unreadable {
  readonly raw: RawMessage;
  readonly value: unknown;
  readonly invalid: InvalidMessage;
}

export interface SortedBatch<Type extends MessageType> {
  readonly deliveries: readonly Delivery<Type>[];
  readonly unreadable: readonly Unreadable[];
}

/** The messages of a topic that belong to a service. */
export interface Interest<Type extends MessageType> {
  readonly types: readonly Type[];
  readonly ownsUnknown?: boolean;
  /** More than one: each message is checked against the topic that it came on. On a single topic a service handles no others anyway. */
  readonly topics?: readonly string[];
}

/**
 * The type headers to open a consumer with; empty means all. The owner of unknown messages must see everything, because unknown
 * types cannot be listed.
 */
export function consumedTypes<Type extends MessageType>(interest: Interest<Type>): readonly Type[] {
  return interest.ownsUnknown === true ? [] : interest.types;
}

export function classifyBatch<Type extends MessageType>(
  batch: ConsumedBatch,
  interest: Interest<Type>,
): SortedBatch<Type> {
  const mine = new Set(interest.types);
  const deliveries: Delivery<Type>[] = [];
  const unreadable: Unreadable[] = [];
  const topics = interest.topics?.length ?? 0;

  for (const [index, value] of batch.values.entries()) {
    const decoded = decode(value);
    if (
      decoded.ok &&
      isOneOf(mine, decoded.message) &&
      !(topics > 1 && isStray(decoded.message.type, batch.topic(index)))
    ) {
      deliveries.push({ message: decoded.message, value, raw: () => batch.raw(index) });
      continue;
    }
    const raw = batch.raw(index);
    const invalid = decoded.ok ? misplaced(decoded.message, raw) : decoded.invalid;
    if (isMine(mine, interest, raw, invalid.type)) unreadable.push({ raw, value, invalid });
  }
  for (const raw of batch.undecodable) {
    if (isMine(mine, interest, raw, undefined)) unreadable.push({ raw, value: undefined, invalid: NOT_JSON });
  }
  return { deliveries, unreadable };
}

/** One message from its stored bytes, for a retry after its batch is gone. */
export function deliveryOf<Type extends MessageType>(
  raw: RawMessage,
  interest: Interest<Type>,
): Delivery<Type> | Unreadable {
  const value = parse(raw);
  if (value === undefined) return { raw, value, invalid: NOT_JSON };
  const decoded = decode(value);
  if (!decoded.ok) return { raw, value, invalid: decoded.invalid };
  const { message } = decoded;
  if (!isOneOf(new Set(interest.types), message) || isStray(message.type, raw.topic))
    return { raw, value, invalid: misplaced(message, raw) };
  return { message, value, raw: () => raw };
}

/** Undefined when the bytes are not JSON. */
function parse(raw: RawMessage): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(raw.value ?? new Uint8Array()));
  } catch {
    return undefined;
  }
}

function isOneOf<Type extends MessageType>(
  types: ReadonlySet<Type>,
  message: Message,
): message is MessageOf<Type> {
  const known: ReadonlySet<string> = types;
  return known.has(message.type);
}

const NOT_JSON: InvalidMessage = {
  code: "UNDECODABLE",
  reason: "the value is not JSON",
  type: undefined,
  saga_id: undefined,
  message_id: undefined,
};

/**
 * A valid message on a topic of other types: whoever wrote it speaks for another service. Or one with another type's header: the
 * services of its body type filter it out, so it is recorded instead of ignored.
 */
function misplaced(
  { type, saga_id, message_id }: { type: MessageType; saga_id: string; message_id: string },
  raw: RawMessage,
): InvalidMessage {
  if (isStray(type, raw.topic)) {
    const reason = `${type} does not belong on ${raw.topic}: another service sends it`;
    return { code: "WRONG_TOPIC", reason, type, saga_id, message_id };
  }
  const reason = `the body is a ${type}, the type header says ${JSON.stringify(typeHeader(raw) ?? null)}`;
  return { code: "TYPE_MISMATCH", reason, type, saga_id, message_id };
}

/**
 * The type header decides which service a message belongs to, because consumers filter by it before they parse. Without a header
 * the type in the body decides. When neither is a known type, or the topic has others, the message belongs to the service that owns
 * unknown messages.
 */
function isMine(
  mine: ReadonlySet<string>,
  interest: Interest<MessageType>,
  raw: RawMessage,
  bodyType: string | undefined,
): boolean {
  const type = typeHeader(raw) ?? bodyType;
  if (type !== undefined && isMessageType(type) && !isStray(type, raw.topic)) return mine.has(type);
  return interest.ownsUnknown === true;
}

function typeHeader(raw: RawMessage): string | undefined {
  const header = raw.headers.find(([name]) => name === "type");
  return header === undefined ? undefined : new TextDecoder().decode(header[1]);
}
