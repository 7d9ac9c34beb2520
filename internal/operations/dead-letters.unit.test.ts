// Filters, groups and lists dead letters.
import { describe, expect, test } from "bun:test";
import type { DeadLetter } from "../../schemas/dead-letter.ts";
import { chargePayment, reserveInventory } from "../testkit/commands.ts";
import { deadBytes, deadLetterOf } from "../testkit/dead-letters.ts";
import { eventOf } from "../testkit/events.ts";
import type { Handling } from "./dead-letter-store.ts";
import { type DeadLetterFilter, findDeadLetters, listDeadLetters, type ListOptions } from "./dead-letters.ts";
import { messageIdOf } from "../messaging/read-dead-letter.ts";
import { readOriginal } from "./replay-plan.ts";

const NOON = Date.UTC(2026, 10, 23, 12);
const HOUR = 3_600_000;
const saga = Bun.randomUUIDv7();

const reserve = deadLetterOf(reserveInventory(saga, [["tea", 1]]), {
  service: "inventory",
  code: "DATABASE_REFUSED",
  error: "Column missing",
  failedAt: NOON,
});
const charges = [1, 2].map((hours) =>
  deadLetterOf(chargePayment(Bun.randomUUIDv7()), { service: "payment", failedAt: NOON + hours * HOUR }),
);
const event = deadLetterOf(eventOf("InventoryReserved", saga), {
  service: "orchestrator",
  topic: "inventory-events",
  failedAt: NOON + 3 * HOUR,
});
const garbage = deadBytes(Buffer.from("{"), {
  service: "inventory",
  code: "UNDECODABLE",
  failedAt: NOON + 4 * HOUR,
});
const all = [reserve, ...charges, event, garbage];

async function* batches(values: readonly unknown[]) {
  for (const value of values) yield { values: [value], undecodable: [] };
}

const nothingHandled: ListOptions = {
  all: false,
  limit: 100,
  handlings: async () => new Map(),
  replays: async () => new Map(),
};

const idsOf = (records: readonly DeadLetter[]) => records.map(({ dead_letter_id }) => dead_letter_id);

describe("a filter finds", () => {
  const cases: readonly (readonly [name: string, filter: DeadLetterFilter, found: readonly DeadLetter[]])[] =
    [
      ["everything, newest first", {}, [garbage, event, ...charges.toReversed(), reserve]],
      ["by service", { service: "payment" }, charges.toReversed()],
      ["by topic", { topic: "inventory-events" }, [event]],
      ["by type", { type: "ReserveInventory" }, [reserve]],
      ["unreadable messages", { type: "unreadable" }, [garbage]],
      ["by error code", { error_code: "UNDECODABLE" }, [garbage]],
      ["by part of the error message, in any case", { error: "column" }, [reserve]],
      ["by saga", { saga_id: saga }, [event, reserve]],
      ["by time", { since: NOON + HOUR, until: NOON + 2 * HOUR }, charges.toReversed()],
      ["by id", { ids: idsOf([event]) }, [event]],
      ["records that match every condition", { saga_id: saga, service: "inventory" }, [reserve]],
      ["nothing if nothing matches", { saga_id: saga, service: "payment" }, []],
    ];
  for (const [name, filter, found] of cases) {
    test(name, async () => {
      const { entries } = await listDeadLetters(batches(all), filter, nothingHandled);
      expect(idsOf(entries)).toEqual(idsOf(found));
    });
  }

  test("a record that was sent twice only once, and counts unreadable records", async () => {
    const twice = batches([reserve, reserve, { is: "none" }]);
    const { total, entries, unreadable } = await listDeadLetters(twice, {}, nothingHandled);
    expect([total, entries.length, unreadable]).toEqual([1, 1, 1]);
  });
});

test("ids end the reading as soon as all are found", async () => {
  let read = 0;
  async function* counted() {
    for (const value of all) {
      read += 1;
      yield { values: [value], undecodable: [] };
    }
  }
  expect(idsOf(await findDeadLetters(counted(), idsOf([reserve])))).toEqual(idsOf([reserve]));
  expect(read).toBe(1);
});

test("of a long topic only the newest records stay in memory", async () => {
  const [batchCount, perBatch, limit] = [40, 50, 10];
  // Collecting garbage takes 60 ms.
  const betweenLooks = 5;
  const made: WeakRef<object>[] = [];
  let mostAlive = 0;
  async function* long() {
    for (let batch = 0; batch < batchCount; batch += 1) {
      const values = Array.from({ length: perBatch }, (_, index) => {
        const failedAt = NOON + batch * perBatch + index;
        const record = deadLetterOf(reserveInventory(saga, [["tea", 1]]), { service: "inventory", failedAt });
        made.push(new WeakRef(record.original));
        return record;
      });
      yield { values, undecodable: [] };
      if (batch % betweenLooks !== 0) continue;
      await Bun.sleep(0);
      Bun.gc(true);
      mostAlive = Math.max(mostAlive, made.filter((one) => one.deref() !== undefined).length);
    }
  }
  const { total, entries, causes } = await listDeadLetters(long(), {}, { ...nothingHandled, limit });
  expect([total, entries.length, causes[0]?.count]).toEqual([2_000, limit, 2_000]);
  expect(entries[0]?.last_failure_at).toBe(new Date(NOON + 1_999).toISOString());
  // The kept ones, and the batch that was read last.
  expect(mostAlive).toBeLessThanOrEqual(2 * limit + 3 * perBatch);
});

test("errors that differ in more than ids and numbers are causes of their own, if that is asked for", async () => {
  const failed = (error: string) =>
    deadLetterOf(reserveInventory(Bun.randomUUIDv7(), [["tea", 1]]), { service: "inventory", error });
  const records = [
    failed("row 1 of 019ace50-0000-7000-9000-000000000001 is locked"),
    failed("row 22 of 019ace50-0000-7000-9000-000000000002 is locked"),
    failed("division by zero"),
  ];
  const ten = { ...nothingHandled, limit: 10 };
  const { causes } = await listDeadLetters(batches(records), {}, { ...ten, byFingerprint: true });
  expect(causes.map(({ count, fingerprint }) => [count, fingerprint])).toEqual([
    [2, "row <n> of <id> is locked"],
    [1, "division by zero"],
  ]);
  const coarse = await listDeadLetters(batches(records), {}, ten);
  expect(coarse.causes.map(({ count, fingerprint }) => [count, fingerprint])).toEqual([[3, undefined]]);
});

test("causes by text are limited in number, and none is lost", async () => {
  const word = (number: number) => String.fromCodePoint(0x4e00 + number);
  const records = Array.from({ length: 600 }, (_, number) =>
    deadLetterOf(reserveInventory(Bun.randomUUIDv7(), [["tea", 1]]), {
      service: "inventory",
      error: word(number),
    }),
  );
  const ten = { ...nothingHandled, limit: 10, byFingerprint: true };
  const { causes } = await listDeadLetters(batches(records), {}, ten);
  expect(causes.length).toBe(501);
  expect(causes[0]).toMatchObject({ count: 100, fingerprint: "(other errors)" });
});

describe("the list", () => {
  const handled = (action: Handling["action"], outcome: string | null): Handling => ({
    dead_letter_id: "",
    action_id: "",
    run_id: "",
    action,
    actor: "ada",
    reason: "because",
    outcome,
    detail: null,
    at: NOON,
  });
  const handlings = new Map([
    [garbage.dead_letter_id, handled("dead-letter.discard", "discarded")],
    [event.dead_letter_id, handled("dead-letter.replay", "handled")],
    [reserve.dead_letter_id, handled("dead-letter.replay", null)],
  ]);

  const list = (options: Pick<ListOptions, "all" | "limit">) =>
    listDeadLetters(batches(all), {}, { ...nothingHandled, handlings: async () => handlings, ...options });

  test("has open dead letters: not handled, or replayed with no known outcome", async () => {
    const { total, entries, causes } = await list({ all: false, limit: 10 });
    expect(total).toBe(3);
    expect(idsOf(entries)).toEqual(idsOf([...charges.toReversed(), reserve]));
    expect(causes).toMatchObject([
      { count: 2, service: "payment", type: "ChargePayment", error_code: "HANDLER_FAILED" },
      { count: 1, service: "inventory", type: "ReserveInventory", error_code: "DATABASE_REFUSED" },
    ]);
    expect(causes[0]).toMatchObject({
      oldest: new Date(NOON + HOUR).toISOString(),
      newest: new Date(NOON + 2 * HOUR).toISOString(),
    });
  });

  test("has all dead letters and their handling, up to the limit", async () => {
    const { total, entries } = await list({ all: true, limit: 3 });
    expect(total).toBe(5);
    expect(entries.map(({ handling }) => handling)).toEqual([
      "discarded by ada",
      "replayed by ada: handled",
      "open",
    ]);
  });
});

test("a message that is too large for a readable copy is known by its bytes, also in a list without messages", async () => {
  const message = { ...reserveInventory(saga, [["tea", 1]]), note: "x".repeat(70_000) };
  const large = deadLetterOf(message, { service: "inventory" });
  expect(large.original_command).toBeNull();
  expect(messageIdOf(large)).toBe(message.message_id);
  expect(readOriginal(large).message_id).toBe(message.message_id);
  for (const withoutMessages of [false, true]) {
    const { entries } = await listDeadLetters(
      batches([large]),
      {},
      {
        ...nothingHandled,
        withoutMessages,
        replays: async (ids) => new Map(ids.map((id) => [id, id === message.message_id ? 3 : 0])),
      },
    );
    expect(entries).toMatchObject([{ dead_letter_id: large.dead_letter_id, replays: 3 }]);
  }
});

test("every unreadable message has one id or none, for lists and for plans", () => {
  const { message_id } = chargePayment(saga);
  const bytes = [
    "{",
    "[]",
    JSON.stringify({ message_id }),
    JSON.stringify({ message_id: "no uuid" }),
    JSON.stringify({ message_id: message_id.toUpperCase() }),
  ];
  const ids = bytes.map((text) => {
    const record = deadBytes(Buffer.from(text), { service: "inventory" });
    expect(readOriginal(record).message_id ?? null).toBe(messageIdOf(record));
    return messageIdOf(record);
  });
  expect(ids).toEqual([null, null, message_id, null, null]);
});
