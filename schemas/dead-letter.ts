// The record on `checkout-dlq`: everything an operator needs to understand a failure and to send the original again, byte for byte.
import { type Static, Type } from "@sinclair/typebox";
import { ErrorCodeText, ErrorMessage, Timestamp, Uuid } from "./fields.ts";

const Base64 = Type.String({ pattern: "^[A-Za-z0-9+/]*={0,2}$" });

export const DeadLetter = Type.Object({
  dead_letter_id: Uuid,
  /** Null if it could not be read from the bytes. */
  saga_id: Type.Union([Uuid, Type.Null()]),
  /** The service that dead-lettered the message, for example `inventory`. */
  service: Type.String({ minLength: 1, maxLength: 50 }),
  /** The message for reading, if it is JSON; otherwise null. A replay uses `original.value_base64`. */
  original_command: Type.Unknown(),
  error_code: ErrorCodeText,
  error_message: ErrorMessage,
  retry_count: Type.Integer({ minimum: 0 }),
  first_failure_at: Timestamp,
  last_failure_at: Timestamp,
  original: Type.Object({
    topic: Type.String(),
    partition: Type.Integer({ minimum: 0 }),
    offset: Type.Integer({ minimum: 0 }),
    key_base64: Type.Union([Base64, Type.Null()]),
    value_base64: Type.Union([Base64, Type.Null()]),
    headers: Type.Array(Type.Object({ name: Type.String(), value_base64: Base64 })),
  }),
});
export type DeadLetter = Static<typeof DeadLetter>;
