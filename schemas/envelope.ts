// The envelope fields of every message. `message` builds a message schema from a type name and the message's own fields. Unknown
// fields are accepted on purpose: a newer sender may add optional ones (see compatibility.unit.test.ts).
import { type TProperties, Type } from "@sinclair/typebox";
import { Timestamp, Traceparent, Uuid } from "./fields.ts";

/** Only raised when a reader must distinguish two shapes. Adding optional fields does not raise it. */
export const SCHEMA_VERSION = 1;

/** The envelope fields. Set when a message is written to the outbox, never by a decision. */
export interface Envelope {
  readonly message_id: string;
  readonly schema_version: number;
  readonly saga_id: string;
  readonly traceparent?: string;
  readonly occurred_at: string;
}

export function message<Name extends string, Fields extends TProperties>(type: Name, fields: Fields) {
  return Type.Object({
    message_id: Uuid,
    type: Type.Literal(type),
    schema_version: Type.Integer({ minimum: 1 }),
    saga_id: Uuid,
    traceparent: Type.Optional(Traceparent),
    occurred_at: Timestamp,
    ...fields,
  });
}

/** A message as a decision returns it: without times and ids, which a pure function cannot create. */
export type Body<M> = M extends { readonly type: string }
  ? Omit<M, "message_id" | "schema_version" | "traceparent" | "occurred_at">
  : never;
