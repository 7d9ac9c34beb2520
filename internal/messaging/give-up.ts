// Dead-letters a message: the dead letter, and for a command the event that tells its saga, as statements of one transaction.
// Called by the message processor (unreadable messages) and the retry loop (the last retry failed).
import { isStray } from "../../schemas/outbox-rules.ts";
import { MESSAGES, type Message } from "../../schemas/registry.ts";
import { TOPICS } from "../../schemas/topics.ts";
import type { Transaction } from "./database.ts";
import { deadLetter, type DeadMessage } from "./dead-letter.ts";
import { isMessageType } from "./envelope.ts";
import type { Handler, Outgoing } from "./handler.ts";
import { append, deadLetterStatements } from "./outbox.ts";

export interface GivenUp {
  readonly dead: DeadMessage;
  /** Undefined where they could not be read. */
  readonly message: {
    readonly type: string | undefined;
    readonly message_id: string | undefined;
    /** Its saga hears of the end in the same trace. */
    readonly traceparent?: string | undefined;
  };
}

export interface GiveUpContext {
  readonly handler: Pick<Handler<Message["type"], never>, "service" | "eventTopic">;
  readonly newId: () => string;
  /** Epoch ms. */
  readonly now: number;
}

export function giveUpStatements(
  { tx, appended }: Pick<Transaction, "tx" | "appended">,
  givenUp: readonly GivenUp[],
  context: GiveUpContext,
): readonly PromiseLike<unknown>[] {
  const { service, eventTopic } = context.handler;
  const records = givenUp.map(({ dead }) => deadLetter(service, dead));
  const { newId, now } = context;
  const caused = givenUp.map((each) => ({ out: reportOf(each), traceparent: each.message.traceparent }));
  const reports = append({ tx, appended }, caused, { eventTopic, newId, now });
  return [...deadLetterStatements(tx, records), ...reports];
}

/** Only a command has a saga that waits for its reply, and none waits for a command on a topic that carries no commands. */
function reportOf({ dead, message }: GivenUp): Outgoing[] {
  const { sagaId, cause } = dead;
  const { type, message_id } = message;
  if (sagaId === undefined || type === undefined || message_id === undefined) return [];
  if (!isMessageType(type) || MESSAGES[type].topic !== TOPICS.commands || isStray(type, dead.raw.topic))
    return [];
  return [
    {
      type: "CommandDeadLettered",
      saga_id: sagaId,
      command_id: message_id,
      command_type: type,
      error_code: cause.code,
      error_message: cause.message,
    },
  ];
}
