import { describe, expect, test } from "bun:test";
import { decode, envelop } from "./envelope.ts";

const SAGA = "01900000-0000-7000-8000-00000000000a";
const NOW = Date.UTC(2026, 10, 23, 12);

function context() {
  let count = 0;
  return {
    eventTopic: "payment-events",
    newId: () => `01900000-0000-7000-8000-${String((count += 1)).padStart(12, "0")}`,
    now: NOW,
  } as const;
}

describe("envelop", () => {
  test("gives each message an id, a version and a time, and the topic of its type", () => {
    const [command, event] = envelop(
      [
        { type: "ReleaseInventory", saga_id: SAGA, idempotency_key: `${SAGA}:release` },
        { type: "OrderCancelled", saga_id: SAGA },
      ],
      context(),
    );
    expect(command).toEqual({
      topic: "checkout-commands",
      message: {
        message_id: "01900000-0000-7000-8000-000000000001",
        type: "ReleaseInventory",
        schema_version: 1,
        saga_id: SAGA,
        occurred_at: "2026-11-23T12:00:00.000Z",
        idempotency_key: `${SAGA}:release`,
      },
    });
    expect(event?.topic).toBe("order-events");
    expect(event?.message.message_id).toBe("01900000-0000-7000-8000-000000000002");
  });

  test("a message without a topic of its own goes to the event topic of its service", () => {
    const invalid = {
      type: "CommandRefused",
      saga_id: SAGA,
      command_id: SAGA,
      command_type: "ChargePayment",
    } as const;
    expect(envelop([invalid], context())[0]?.topic).toBe("payment-events");
  });

  test("keeps the trace", () => {
    const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    const [event] = envelop([{ type: "OrderCancelled", saga_id: SAGA }], context(), traceparent);
    expect(event?.message.traceparent).toBe(traceparent);
  });
});

describe("decode", () => {
  const [envelope] = envelop([{ type: "OrderCancelled", saga_id: SAGA }], context());
  const sound = envelope?.message;

  test("reads what envelop wrote, and accepts unknown fields of a newer sender", () => {
    expect(decode(sound)).toEqual({ ok: true, message: sound! });
    expect(decode({ ...sound, new_field: 1 }).ok).toBe(true);
  });

  test("rejects an invalid message with the place and the readable part of its envelope", () => {
    expect(decode({ ...sound, occurred_at: "yesterday" })).toMatchObject({
      ok: false,
      invalid: {
        code: "SCHEMA_VIOLATION",
        reason: expect.stringContaining("OrderCancelled/occurred_at"),
        type: "OrderCancelled",
        saga_id: SAGA,
        message_id: sound?.message_id,
      },
    });
    expect(decode({ ...sound, saga_id: "robert'); drop table" })).toMatchObject({
      invalid: { code: "SCHEMA_VIOLATION", saga_id: undefined },
    });
  });

  test.each([
    [null],
    [42],
    ["text"],
    [[]],
    [{}],
    [{ type: 7 }],
    [{ type: "Teapot" }],
    [{ type: "__proto__" }],
  ])("%j is not a message", (value) => {
    expect(decode(value)).toMatchObject({ ok: false, invalid: { code: "UNKNOWN_TYPE" } });
  });
});
