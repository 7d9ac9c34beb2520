// Decides what a replay does with one dead letter: send its message again, leave it, or refuse it, and why. Pure except for
// parsing. Called by plans.ts, by run-replay.ts for every message right before it is sent, by `dlq show` and by the console.
//
// A replay puts the message back into its outbox under its own id. So it takes the normal path, and Kafka never holds a message
// that no outbox has. A dead letter never entered the consumer's inbox, so the inbox takes it exactly once, even if it is sent
// several times.
import type { DeadLetter } from "../../schemas/dead-letter.ts";
import { type DatabaseName, DATABASES } from "../../schemas/migrations.ts";
import { OUTBOX_TOPICS } from "../../schemas/outbox-rules.ts";
import { MESSAGES, type Message } from "../../schemas/registry.ts";
import { TOPICS } from "../../schemas/topics.ts";
import { decode, isMessageType } from "../messaging/envelope.ts";
import { describeHandling, isOpen } from "./dead-letters.ts";
import { messageIdOf } from "../messaging/read-dead-letter.ts";
import type { Handling } from "./dead-letter-store.ts";
import { isQuarantined, quarantineText } from "./plan.ts";
import type { SentMessage, Sign } from "./replay-store.ts";
import type { SagaSummary } from "./saga-store.ts";
import { timeOfId } from "../kernel/time-of-id.ts";

/** The message of a dead letter, as far as it is readable. */
export interface Original {
  /** Undefined if it is unreadable. */
  readonly message: Message | undefined;
  /** May be known even if the message is unreadable. */
  readonly message_id: string | undefined;
  /** Why it is unreadable. */
  readonly fault: string | undefined;
}

/** Why a saga in this state must not get a message of this type; null if it may. The transition table decides. */
export type Objection = (type: string, saga: SagaSummary) => string | null;

export interface Facts {
  readonly handling: Handling | undefined;
  /** The message in its producer's outbox; undefined if it is not there. */
  readonly kept: SentMessage | undefined;
  /** The message's state in its consumer's tables. */
  readonly sign: Sign | undefined;
  readonly saga: SagaSummary | undefined;
  /** Epoch ms. An outbox keeps every message written after this time. */
  readonly outboxSince: number;
}

export type ReplayDecision =
  /** `lost` is the message if retention deleted it from the outbox, otherwise null. */
  | { readonly kind: "send"; readonly sent: SentMessage; readonly lost: Message | null }
  /** The consumer has handled it; nothing to send. */
  | { readonly kind: "handled"; readonly why: string }
  /** Nothing for this run to do. */
  | { readonly kind: "left"; readonly why: string }
  | { readonly kind: "refused"; readonly why: string };

/** What a replay that sends nothing would do. */
const WOULD = { handled: "nothing to do", left: "nothing to do", refused: "refused" } as const;

/** For people: what a replay would do with the message, which was replayed so often without success. */
export function describeReplay(
  decision: ReplayDecision,
  replays: number,
): { readonly isGood: boolean; readonly text: string } {
  if (decision.kind !== "send") return { isGood: false, text: `${WOULD[decision.kind]}: ${decision.why}` };
  if (isQuarantined(replays)) return { isGood: false, text: quarantineText(replays) };
  return { isGood: true, text: "may be sent again" };
}

/** The database whose outbox publishes to the topic; undefined for the dead-letter topic. */
export function producerOf(topic: string): DatabaseName | undefined {
  if (topic === TOPICS.deadLetters) return undefined;
  return DATABASES.find((database) => OUTBOX_TOPICS[database].some((own) => own === topic));
}

/** The database with the inbox of the service that dead-lettered the message; undefined for notification, which has no inbox. */
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

export function readOriginal(record: DeadLetter): Original {
  const message_id = messageIdOf(record) ?? undefined;
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(record.original.value_base64 ?? "", "base64").toString());
  } catch {
    return { message: undefined, message_id, fault: "its bytes are not JSON" };
  }
  const decoded = decode(value);
  if (!decoded.ok) return { message: undefined, message_id, fault: decoded.invalid.reason };
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
      why: `${fault ?? "it has no id"}, and it is in no outbox: it can only be discarded`,
    };
  if (kept === undefined && timeOfId(message_id) >= outboxSince)
    return { kind: "refused", why: "no outbox ever published it: it is not from this system, discard it" };
  if (sign === "handled" || sign === "refused")
    return { kind: "handled", why: "its consumer has already handled it" };
  if (sign === "retry pending") return { kind: "left", why: "its consumer will retry it" };
  if (isMessageType(sent.type) && MESSAGES[sent.type].topic === TOPICS.commands) {
    const why = saga === undefined ? "its saga does not exist" : objection(sent.type, saga);
    if (why !== null) return { kind: "refused", why };
  }
  return { kind: "send", sent, lost: kept === undefined ? (message ?? null) : null };
}
