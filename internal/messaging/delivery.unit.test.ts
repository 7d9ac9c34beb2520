import { describe, expect, test } from "bun:test";
import type { ConsumedBatch, RawMessage } from "../kernel/ports.ts";
import { consumedTypes, deliveryOf, type Interest, classifyBatch } from "./delivery.ts";
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

function raw(header: string | null, value: string, topic = "checkout-commands"): RawMessage {
  const headers = header === null ? [] : [["type", Buffer.from(header)] as const];
  return {
    topic,
    partition: 0,
    offset: 7,
    timestampMs: 0,
    key: null,
    value: Buffer.from(value),
    headers,
  };
}

/** A batch of one message in the form of the native consumer. */
function batchOf(header: string | null, value: object | string, topic?: string): ConsumedBatch {
  const bytes = raw(header, typeof value === "string" ? value : JSON.stringify(value), topic);
  return {
    values: typeof value === "string" ? [] : [value],
    undecodable: typeof value === "string" ? [bytes] : [],
    skipped: 0,
    raw: () => bytes,
    topic: () => bytes.topic,
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

describe("a service with several topics takes each message from its own topic only", () => {
  const SAGA_EVENTS = {
    types: ["InventoryReleased", "OrderCancelled", "CommandRefused"],
    ownsUnknown: true,
    topics: ["inventory-events", "order-events"],
  } as const;
  const released = { ...message("ReleaseInventory"), type: "InventoryReleased" };

  function takenFrom(topic: string, header: string | null, value: object): string {
    const { deliveries, unreadable } = classifyBatch(batchOf(header, value, topic), SAGA_EVENTS);
    return deliveries.length > 0 ? "handle" : (unreadable[0]?.invalid.code ?? "-");
  }

  test.each([
    ["its own topic", "inventory-events", "InventoryReleased", "handle"],
    ["its own topic without a header", "inventory-events", null, "handle"],
    ["another topic", "order-events", "InventoryReleased", "WRONG_TOPIC"],
    ["another topic without a header", "order-events", null, "WRONG_TOPIC"],
    // Gets past whoever looks at headers only.
    ["another topic under a header that belongs there", "order-events", "OrderCancelled", "WRONG_TOPIC"],
    ["another topic under a header of nobody", "order-events", "Teapot", "WRONG_TOPIC"],
  ])("an event on %s", (_name, topic, header, expected) => {
    expect(takenFrom(topic, header, released)).toBe(expected);
  });

  test("of a message to handle only the topic is read, not its bytes", () => {
    const batch = batchOf("InventoryReleased", released, "inventory-events");
    const read: number[] = [];
    const counted: ConsumedBatch = {
      ...batch,
      raw: (index) => {
        read.push(index);
        return batch.raw(index);
      },
    };
    const { deliveries } = classifyBatch(counted, SAGA_EVENTS);
    expect([deliveries.length, read]).toEqual([1, []]);
    expect(deliveries[0]?.raw().topic).toBe("inventory-events");
    expect(read).toEqual([0]);
  });

  test("a command on a topic of events is recorded, not ignored", () => {
    expect(takenFrom("order-events", "CancelOrder", message("CancelOrder"))).toBe("WRONG_TOPIC");
  });

  test("a retry checks it as well", () => {
    const stray = raw("InventoryReleased", JSON.stringify(released), "order-events");
    expect(deliveryOf(stray, SAGA_EVENTS)).toMatchObject({
      invalid: {
        code: "WRONG_TOPIC",
        reason: "InventoryReleased does not belong on order-events: another service sends it",
        saga_id: SAGA,
      },
    });
  });
});

test("an event on the topic of commands is recorded by the owner of unknown messages", () => {
  const event = { ...message("ReleaseInventory"), type: "InventoryReleased" };
  expect(seenBy("InventoryReleased", event)).toEqual(["WRONG_TOPIC", "-"]);
  expect(seenBy(null, event)).toEqual(["WRONG_TOPIC", "-"]);
});
