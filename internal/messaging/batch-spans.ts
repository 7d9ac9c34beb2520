// The spans of one transaction of the message processor: one for the batch, and one for each message of a recorded trace. The span of a
// message continues the trace in which the message was created, and its context goes into whatever the message leads to. The span of the
// batch joins the first of these traces and links to all. A batch without recorded traces has no spans and costs nothing. Used by
// inbox-transaction.ts; mail-spans.ts uses the span of a message alone.
import type { MessageType } from "../../schemas/registry.ts";
import type { RawMessage } from "../kernel/ports.ts";
import {
  DUPLICATES,
  MESSAGE_TYPE,
  MESSAGING_BATCH,
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
} from "../kernel/span-attributes.ts";
import type { Span, SpanAttributes, Tracer } from "../kernel/telemetry.ts";
import type { Delivery } from "./delivery.ts";
import type { Outgoing } from "./handler.ts";

export interface TracedDelivery {
  readonly message: Pick<Delivery<MessageType>["message"], "message_id" | "saga_id" | "type" | "traceparent">;
  raw(): Pick<RawMessage, "topic" | "partition" | "offset">;
}

export class BatchSpans {
  readonly #tracer: Tracer;
  readonly #service: string;
  readonly #batch: Span | undefined;
  /** By message id. */
  readonly #messages = new Map<string, Span>();

  private constructor(tracer: Tracer, service: string, deliveries: readonly TracedDelivery[]) {
    this.#tracer = tracer;
    this.#service = service;
    const sampled = deliveries.filter(({ message }) => message.traceparent !== undefined);
    const [first] = sampled;
    if (first === undefined) return;
    const { topic } = first.raw();
    this.#batch = tracer.span(`process ${topic}`, first.message.traceparent, {
      kind: "consumer",
      attributes: { ...processing(topic, service), [MESSAGING_BATCH]: deliveries.length },
      links: sampled.flatMap(({ message }) => message.traceparent ?? []),
    });
    for (const delivery of sampled) this.#start(delivery, delivery.message.traceparent);
  }

  /** Undefined while tracing is off. */
  static start(
    tracer: Tracer,
    service: string,
    deliveries: readonly TracedDelivery[],
  ): BatchSpans | undefined {
    return tracer.isOn ? new BatchSpans(tracer, service, deliveries) : undefined;
  }

  /**
   * The trace context for what the message leads to. `parent`: the context that its saga was given, for a message that has none.
   */
  contextOf(delivery: TracedDelivery, parent: string | undefined): string | undefined {
    if (parent === undefined && this.#messages.size === 0) return undefined;
    const span = this.#messages.get(delivery.message.message_id);
    if (span !== undefined || parent === undefined) return span?.traceparent;
    return this.#start(delivery, parent).traceparent;
  }

  decided({ message }: TracedDelivery, out: readonly Outgoing[]): void {
    const span = this.#messages.size === 0 ? undefined : this.#messages.get(message.message_id);
    if (span === undefined) return;
    const types = out.map(({ type }) => type).join(" ");
    span.set({ [OUTCOME]: types === "" ? "nothing" : types });
  }

  /** `fresh`: the ids of the messages that were new. */
  done(deliveries: readonly TracedDelivery[], fresh: ReadonlySet<string>): void {
    if (this.#messages.size === 0) return;
    for (const [id, span] of this.#messages) {
      if (!fresh.has(id)) span.set({ [OUTCOME]: "duplicate" });
      span.end();
    }
    this.#batch?.set({ [DUPLICATES]: deliveries.length - fresh.size });
    this.#batch?.end();
  }

  failed(error: unknown): void {
    for (const span of [...this.#messages.values(), ...(this.#batch === undefined ? [] : [this.#batch])]) {
      span.fail(error);
      span.end();
    }
  }

  #start(delivery: TracedDelivery, parent: string | undefined): Span {
    const batch = this.#batch?.traceparent;
    const span = processSpan(this.#tracer, this.#service, delivery, {
      parent,
      links: batch === undefined ? [] : [batch],
    });
    this.#messages.set(delivery.message.message_id, span);
    return span;
  }
}

interface ProcessLinks {
  readonly parent: string | undefined;
  readonly links?: readonly string[];
}

/** Of one message. */
export function processSpan(
  tracer: Tracer,
  service: string,
  delivery: TracedDelivery,
  { parent, links = [] }: ProcessLinks,
): Span {
  const { message_id, saga_id, type } = delivery.message;
  const { topic, partition, offset } = delivery.raw();
  return tracer.span(`process ${topic} ${type}`, parent, {
    kind: "consumer",
    attributes: {
      ...processing(topic, service),
      [MESSAGING_PARTITION]: String(partition),
      [MESSAGING_OFFSET]: offset,
      [MESSAGING_MESSAGE_ID]: message_id,
      [MESSAGE_TYPE]: type,
      [SAGA_ID]: saga_id,
    },
    links,
  });
}

function processing(topic: string, service: string): SpanAttributes {
  return {
    [MESSAGING_SYSTEM]: "kafka",
    [MESSAGING_OPERATION_NAME]: "process",
    [MESSAGING_OPERATION_TYPE]: "process",
    [MESSAGING_DESTINATION]: topic,
    [MESSAGING_GROUP]: service,
  };
}
