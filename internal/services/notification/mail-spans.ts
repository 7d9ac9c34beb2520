// One attempt to send a mail, within its spans: the message, which continues the trace of its checkout, and the mail server's part of it.
// Used by notifier.ts for first attempts and by waiting-mails.ts for later ones, which have the trace in the stored bytes of the message.
import type { SendNotification } from "../../../schemas/notification.ts";
import { ATTEMPT, MAIL_TEMPLATE, OUTCOME } from "../../kernel/span-attributes.ts";
import { noTracer, type Tracer } from "../../kernel/telemetry.ts";
import { processSpan, type TracedDelivery } from "../../messaging/batch-spans.ts";
import type { Courier, Outcome } from "./courier.ts";
import type { MailShop } from "./mail-shop.ts";
import { mailOf } from "./mails.ts";
import { NOTIFICATIONS } from "./notifications.ts";
import type { ProductNames } from "./product-names.ts";

export interface MailParts {
  readonly courier: Pick<Courier, "send">;
  readonly shop: MailShop;
  readonly names: ProductNames;
  /** Nothing is traced without it. */
  readonly tracer?: Tracer;
}

/** Composes the mail and sends it. `attempt` counts from 1. */
export async function sendTraced(
  delivery: TracedDelivery & { readonly message: SendNotification },
  attempt: number,
  { courier, shop, names, tracer = noTracer }: MailParts,
): Promise<Outcome> {
  const { message } = delivery;
  const compose = async () => mailOf(message, shop, await names.of(message));
  const { traceparent: parent, template } = message;
  if (!tracer.isOn || parent === undefined) return courier.send(await compose());
  const processing = processSpan(tracer, NOTIFICATIONS.service, delivery, { parent });
  try {
    const mail = await compose();
    const attributes = { [MAIL_TEMPLATE]: template, [ATTEMPT]: attempt };
    const sending = tracer.span("send mail", processing.traceparent, { kind: "client", attributes });
    try {
      const outcome = await courier.send(mail);
      for (const span of [sending, processing]) {
        span.set({ [OUTCOME]: outcome.kind });
        if (outcome.kind !== "sent") span.fail(outcome.kind);
      }
      return outcome;
    } finally {
      sending.end();
    }
  } finally {
    processing.end();
  }
}
