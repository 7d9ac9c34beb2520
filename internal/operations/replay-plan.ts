// What is to be done with one dead letter: send its message again, leave it, or refuse, and why. Pure but for parsing; called by
// replay.ts for every message right before it goes, and by `dlq show`.
//
// A replay is the message put back into the outbox it came from, under its own id. So it travels the normal way, nothing is
// in Kafka that is in no outbox, and the consumer's inbox, which a dead letter never entered, takes it once however often it
// is sent.
import type { DeadLetter } from "../../schemas/dead-letter.ts";
import type { DatabaseName } from "../../schemas/migrations.ts";
import { MESSAGES, type Message } from "../../schemas/registry.ts";
import { TOPICS } from "../../schemas/topics.ts";
import { decode, isMessageType } from "../messaging/envelope.ts";
import { describeHandling, isOpen } from "./dead-letters.ts";
import type { Handling } from "./dead-letter-store.ts";
import type { SentMessage, Sign } from "./replay-store.ts";
import type { SagaSummary } from "./saga-store.ts";

/** The message of a dead letter as far as this program can read it. */
export interface Original {
  /** Undefined where it cannot be read. */
  readonly message: Message | undefined;
  /** May be known even so. */
  readonly message_id: string | undefined;
  /** Why it cannot be read. */
  readonly fault: string | undefined;
}

/** Why a message must not go to a saga that stands there; null where it may. The saga table's word. */
export type Objection = (type: string, saga: SagaSummary) => string | null;

export interface Facts {
  readonly handling: Handling | undefined;
  /** The message in its producer's outbox; undefined where it is not there. */
  readonly kept: SentMessage | undefined;
  /** What its consumer's tables tell of it. */
  readonly sign: Sign | undefined;
  readonly saga: SagaSummary | undefined;
  /** An outbox keeps what was written after this, epoch ms. */
  readonly outboxSince: number;
}

export type ReplayDecision =
  /** `row` is what retention has taken from the outbox; null where it is there. */
  | { readonly kind: "send"; readonly sent: SentMessage; readonly lost: Message | null }
  /** The effect is there; nothing is to be sent. */
  | { readonly kind: "handled"; readonly why: string }
  /** Nothing is to be done by this run. */
  | { readonly kind: "left"; readonly why: string }
  | { readonly kind: "refused"; readonly why: string };

/** Whose outbox a topic's messages come from; undefined for topics nobody is to send to. */
export function producerOf(topic: string): DatabaseName | undefined {
  switch (topic) {
    case TOPICS.commands:
    case TOPICS.notifications:
      return "saga";
    case TOPICS.inventoryEvents:
      return "inventory";
    case TOPICS.paymentEvents:
      return "payment";
    case TOPICS.orderEvents:
      return "order";
    default:
      return undefined;
  }
}

/** Where the inbox of the service that gave up is; undefined for notification, which has no inbox. */
export function consumerOf(service: string): DatabaseName | undefined {
  switch (service) {
    case "orchestrator":
      return "saga";
    case "inventory":
    case "payment":
    case "order":
      return service;
    default:
      return undefined;
  }
}

export function readOriginal({ original }: DeadLetter): Original {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(original.value_base64 ?? "", "base64").toString());
  } catch {
    return { message: undefined, message_id: undefined, fault: "its bytes are not JSON" };
  }
  const decoded = decode(value);
  if (!decoded.ok) {
    const { reason, message_id } = decoded.invalid;
    return { message: undefined, message_id, fault: reason };
  }
  return { message: decoded.message, message_id: decoded.message.message_id, fault: undefined };
}

export function decideReplay(original: Original, facts: Facts, objection: Objection): ReplayDecision {
  const { handling, kept, sign, saga, outboxSince } = facts;
  const { message, message_id, fault } = original;
  if (!isOpen(handling)) return { kind: "left", why: describeHandling(handling) };
  const sent = kept ?? message;
  if (message_id === undefined || sent === undefined)
    return {
      kind: "refused",
      why: `${fault ?? "it has no id"}, and no outbox has it: it can only be discarded`,
    };
  if (kept === undefined && timeOf(message_id) >= outboxSince)
    return { kind: "refused", why: "no outbox has ever sent it: it is not this system's, discard it" };
  if (sign === "handled" || sign === "refused")
    return { kind: "handled", why: "its consumer had handled it before" };
  if (sign === "retry pending") return { kind: "left", why: "its consumer is trying it again by itself" };
  if (isMessageType(sent.type) && MESSAGES[sent.type].topic === TOPICS.commands) {
    const why = saga === undefined ? "its saga does not exist" : objection(sent.type, saga);
    if (why !== null) return { kind: "refused", why };
  }
  return { kind: "send", sent, lost: kept === undefined ? (message ?? null) : null };
}

/** Epoch ms out of the first 48 bits of a UUIDv7. */
function timeOf(uuid: string): number {
  return Number.parseInt(uuid.slice(0, 8) + uuid.slice(9, 13), 16);
}
