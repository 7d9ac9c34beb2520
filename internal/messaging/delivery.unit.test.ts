import { describe, expect, test } from "bun:test";
import type { ConsumedBatch, RawMessage } from "../kernel/ports.ts";
import { consumedTypes, type Interest, classifyBatch } from "./delivery.ts";
import { envelop } from "./envelope.ts";

const SAGA = "01900000-0000-7000-8000-00000000000a";
const INVENTORY = { types: ["ReleaseInventory"], ownsUnknown: true } as const;
const ORDER = { types: ["CancelOrder"] } as const;

function message(type: "ReleaseInventory" | "CancelOrder"): object {
  const [envelope] = envelop([{ type, saga_id: SAGA, idempotency_key: "k" }], {
    eventTopic: "order-events",
    newId: () => SAGA,
    now: 0,
  });
  return envelope?.message ?? {};
}

function raw(header: string | null, value: string): RawMessage {
  const headers = header === null ? [] : [["type", Buffer.from(header)] as const];
  return {
    topic: "checkout-commands",
    partition: 0,
    offset: 7,
    timestampMs: 0,
    key: null,
    value: Buffer.from(value),
    headers,
  };
}

/** A batch of one message in the form of the native consumer. */
function batchOf(header: string | null, value: object | string): ConsumedBatch {
  const bytes = raw(header, typeof value === "string" ? value : JSON.stringify(value));
  return {
    values: typeof value === "string" ? [] : [value],
    undecodable: typeof value === "string" ? [bytes] : [],
    skipped: 0,
    raw: () => bytes,
    done: () => {},
    release: () => undefined,
  };
}

/** What each of the two services does with the message: `handle`, the code under which it dead-letters it, or nothing. */
function seenBy(header: string | null, value: object | string): string[] {
  return [INVENTORY, ORDER].map((interest: Interest<"ReleaseInventory" | "CancelOrder">) => {
    const filter: readonly string[] = consumedTypes(interest);
    const isFilteredOut = header !== null && filter.length > 0 && !filter.includes(header);
    if (isFilteredOut) return "-";
    const { deliveries, unreadable } = classifyBatch(batchOf(header, value), interest);
    return deliveries.length > 0 ? "handle" : (unreadable[0]?.invalid.code ?? "-");
  });
}

describe("each message has exactly one service that handles or records it", () => {
  test.each([
    ["a command with its header", "CancelOrder", message("CancelOrder"), ["-", "handle"]],
    ["a command without a header", null, message("CancelOrder"), ["-", "handle"]],
    ["a command that breaks its schema", "CancelOrder", { type: "CancelOrder" }, ["-", "SCHEMA_VIOLATION"]],
    ["the same without a header", null, { type: "CancelOrder" }, ["-", "SCHEMA_VIOLATION"]],
    ["bytes that are not JSON with a known header", "CancelOrder", "{", ["-", "UNDECODABLE"]],
    ["bytes that are not JSON with an unknown header", "Teapot", "{", ["UNDECODABLE", "-"]],
    ["bytes that are not JSON", null, "{", ["UNDECODABLE", "-"]],
    ["an unknown type", "Teapot", { type: "Teapot" }, ["UNKNOWN_TYPE", "-"]],
    ["JSON that is not a message", null, [1], ["UNKNOWN_TYPE", "-"]],
    ["a command with an unknown header", "Teapot", message("ReleaseInventory"), ["handle", "-"]],
    [
      "a command with the header of another type",
      "ReleaseInventory",
      message("CancelOrder"),
      ["TYPE_MISMATCH", "-"],
    ],
  ])("%s", (_name, header, value, expected) => {
    expect(seenBy(header, value)).toEqual(expected);
  });
});
