import { describe, expect, test } from "bun:test";
import { Value } from "@sinclair/typebox/value";
import { DeadLetter } from "../../schemas/dead-letter.ts";
import { AppError, AssertionError } from "../kernel/errors.ts";
import type { RawMessage } from "../kernel/ports.ts";
import { cause, causeOf, deadLetter, deadLetterId, deadLetterKey, type DeadMessage } from "./dead-letter.ts";

const SAGA = "01900000-0000-7000-8000-00000000000a";
const RAW: RawMessage = {
  topic: "checkout-commands",
  partition: 3,
  offset: 4_711,
  timestampMs: Date.UTC(2026, 10, 23),
  key: Buffer.from([0xff, 0x00]),
  value: Buffer.from([0x80, 0x7b, 0x00]),
  headers: [["type\u0000", Buffer.from([0xc3, 0x28])]],
};

function dead(changes: Partial<DeadMessage> = {}): DeadMessage {
  return {
    raw: RAW,
    value: undefined,
    sagaId: undefined,
    cause: cause("UNDECODABLE", "no JSON"),
    retryCount: 0,
    firstFailedAt: 1,
    lastFailedAt: 2,
    ...changes,
  };
}

describe("a dead letter", () => {
  test("keeps the message byte for byte and matches its schema", () => {
    const record = deadLetter("inventory", dead());
    expect(Value.Check(DeadLetter, record)).toBe(true);
    const { key_base64, value_base64, headers, ...place } = record.original;
    expect(place).toEqual({ topic: "checkout-commands", partition: 3, offset: 4_711 });
    expect(Buffer.from(key_base64 ?? "", "base64")).toEqual(Buffer.from([0xff, 0x00]));
    expect(Buffer.from(value_base64 ?? "", "base64")).toEqual(Buffer.from([0x80, 0x7b, 0x00]));
    expect(Buffer.from(headers[0]?.value_base64 ?? "", "base64")).toEqual(Buffer.from([0xc3, 0x28]));
  });

  test("is keyed by its saga, or else by the position of the message", () => {
    expect(deadLetterKey(deadLetter("inventory", dead({ sagaId: SAGA })))).toBe(SAGA);
    expect(deadLetterKey(deadLetter("inventory", dead()))).toBe("checkout-commands-3-4711");
  });

  test("has one id per position and service: the same at a redelivery, another at a replay", () => {
    const id = deadLetterId("inventory", RAW);
    expect(deadLetterId("inventory", { ...RAW })).toBe(id);
    expect(deadLetterId("payment", RAW)).not.toBe(id);
    expect(deadLetterId("inventory", { ...RAW, offset: 4_712 })).not.toBe(id);
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(Number.parseInt(id.replace("-", "").slice(0, 12), 16)).toBe(RAW.timestampMs);
    expect(deadLetterId("inventory", { ...RAW, timestampMs: -1 })).toMatch(/^00000000-0000-7/);
  });

  test.each([
    ["NUL, which jsonb rejects", { text: "a\u0000b" }],
    ["half a surrogate pair", { text: "\ud83d" }],
    ["a value too long to store twice", { text: "x".repeat(70_000) }],
    [
      "a value nested deeper than Postgres reads",
      JSON.parse("[".repeat(5_000) + "]".repeat(5_000)) as unknown,
    ],
  ])("leaves out the readable copy for %s", (_name, value) => {
    expect(deadLetter("inventory", dead({ value })).original_command).toBeNull();
  });

  test("contains the readable copy otherwise", () => {
    expect(deadLetter("inventory", dead({ value: { type: "Teapot" } })).original_command).toEqual({
      type: "Teapot",
    });
  });
});

describe("the cause of an error", () => {
  test("is its code and the whole error chain in one short, clean line", () => {
    const error = new AppError("DATABASE_REFUSED", "transaction failed", {
      cause: new Error("check\n\u0000violated"),
    });
    expect(causeOf(error)).toEqual({
      code: "DATABASE_REFUSED",
      message: "transaction failed: check  violated",
    });
    expect(causeOf(new AssertionError("lines missing")).code).toBe("ASSERTION_FAILED");
    expect(causeOf("thrown text")).toEqual({ code: "HANDLER_FAILED", message: "thrown text" });
    expect(causeOf(new Error("\u{1f4a5}".repeat(600))).message.length).toBeLessThanOrEqual(1_000);
    expect(causeOf(new Error(`x${"\u{1f4a5}".repeat(600)}`)).message.isWellFormed()).toBe(true);
  });
});
