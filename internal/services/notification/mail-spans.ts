// The spans of an attempt to send a mail: the message, which continues the trace of its checkout, and the mail server's part of it. Used by
// notifier.ts for first attempts and by waiting-mails.ts for later ones, which have the trace in the stored bytes of the message.
import type { SendNotification } from "../../../schemas/notification.ts";
import type { RawMessage } from "../../kernel/ports.ts";
import {
  ATTEMPT,
  MAIL_TEMPLATE,
  MESSAGE_TYPE,
  MESSAGING_DESTINATION,
  MESSAGING_GROUP,
  MESSAGING_MESSAGE_ID,
  MESSAGING_OFFSET,
  MESSAGING_OPERATION_NAME,
  MESSAGING_OPERATION_TYPE,
  MESSAGING_PARTITION,
  MESSAGING_SYSTEM,
  OUTCOME,
  SAGA_ID,
} from "../../kernel/span-attributes.ts";
import { noTracer, type Tracer } from "../../kernel/telemetry.ts";
import type { Outcome } from "./courier.ts";
import { NOTIFICATIONS } from "./notifications.ts";

export interface TracedMail {
  readonly message: Pick<SendNotification, "message_id" | "saga_id" | "type" | "template" | "traceparent">;
  raw(): Pick<RawMessage, "topic" | "partition" | "offset">;
}

/** Sends the mail within its spans. `attempt` counts from 1. */
export async function sendTraced(
  mail: TracedMail,
  { tracer = noTracer, attempt }: { readonly tracer?: Tracer | undefined; readonly attempt: number },
  send: () => Promise<Outcome>,
): Promise<Outcome> {
  const { traceparent, message_id, saga_id, type, template } = mail.message;
  if (!tracer.isOn || traceparent === undefined) return send();
  const { topic, partition, offset } = mail.raw();
  const processing = tracer.span(`process ${topic} ${type}`, traceparent, {
    kind: "consumer",
    attributes: {
      [MESSAGING_SYSTEM]: "kafka",
      [MESSAGING_OPERATION_NAME]: "process",
      [MESSAGING_OPERATION_TYPE]: "process",
      [MESSAGING_DESTINATION]: topic,
      [MESSAGING_PARTITION]: String(partition),
      [MESSAGING_OFFSET]: offset,
      [MESSAGING_GROUP]: NOTIFICATIONS.service,
      [MESSAGING_MESSAGE_ID]: message_id,
      [MESSAGE_TYPE]: type,
      [SAGA_ID]: saga_id,
    },
  });
  const attributes = { [MAIL_TEMPLATE]: template, [ATTEMPT]: attempt };
  const sending = tracer.span("send mail", processing.traceparent, { kind: "client", attributes });
  try {
    const outcome = await send();
    for (const span of [sending, processing]) {
      span.set({ [OUTCOME]: outcome.kind });
      if (outcome.kind !== "sent") span.fail(outcome.kind);
    }
    return outcome;
  } finally {
    sending.end();
    processing.end();
  }
}
