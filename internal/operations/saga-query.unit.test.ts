import { expect, test } from "bun:test";
import { formatSagaQuery, parseSagaQuery, SAGA_QUERY_FIELDS, type SagaQuery } from "./saga-query.ts";
import { firstIdOf, timeOfId } from "../kernel/time-of-id.ts";

const ID = "01234567-89ab-7cde-8f01-23456789abcd";
const AT = Date.parse("2026-11-23T12:00:00.000Z");

const everything: SagaQuery = {
  user: ID,
  order: ID,
  payment: ID,
  refund: ID,
  reservation: ID,
  provider_id: "pi_3Qx",
  sku: "tea-1",
  product: "Käse & 2 kg",
  client_key: "a&b=c%+",
  status: ["COMPENSATED", "FAILED"],
  step: "charge",
  table_version: 2,
  failure_code: "CARD_DECLINED",
  currency: "EUR",
  min_cents: 0,
  max_cents: 9_999_999_999,
  created_after: AT,
  created_before: AT + 1,
  updated_after: AT,
  updated_before: AT + 86_400_000,
  stuck_seconds: 300,
  needs_operator: true,
  min_resends: 2,
};

test("each criterion survives the way through a URL", () => {
  expect(Object.keys(everything).toSorted()).toEqual(Object.keys(SAGA_QUERY_FIELDS).toSorted());
  const text = formatSagaQuery(everything).toString();
  expect(parseSagaQuery(new URLSearchParams(text))).toEqual({ query: everything });
  expect(formatSagaQuery({})).toEqual(new URLSearchParams());
  expect(parseSagaQuery(new URLSearchParams("?user=&status="))).toEqual({ query: {} });
});

test("a product's name is words, whatever the spaces, and needs a letter or digit", () => {
  const read = (product: string) => parseSagaQuery(new URLSearchParams({ product }));
  expect(read("  red \t kettle ")).toEqual({ query: { product: "red kettle" } });
  for (const text of ["%", "...", "a\u0000b", "x".repeat(101)])
    expect([text, read(text)]).toEqual([
      text,
      { faults: [{ name: "product", message: expect.stringContaining("product must be a product's name") }] },
    ]);
});

test("a query has one text, whatever its order was", () => {
  const read = parseSagaQuery(new URLSearchParams("currency=EUR&status=failed,COMPENSATED,failed&page=2"), [
    "page",
  ]);
  if (!("query" in read)) throw new Error("it is refused");
  expect(formatSagaQuery(read.query).toString()).toBe("status=COMPENSATED%2CFAILED&currency=EUR");
});

test("a wrong filter is said, and no filter is dropped", () => {
  const wrong: readonly [string, string][] = [
    ["user=1", "user must be a UUID in lower case"],
    [`user=${ID.toUpperCase()}`, "user must be a UUID in lower case"],
    [`user=${ID}&user=${ID}`, "user is given twice"],
    ["status=COMPLETED,DONE", "status must be one or more of STARTED"],
    ["staus=COMPLETED", "there is no filter staus"],
    ["toString=1", "there is no filter toString"],
    ["step=pay", "step must be one of reserve, charge, authorize, confirm, capture, order"],
    ["table_version=0", "table_version must be a version of the saga table"],
    ["currency=eur", "currency must be"],
    ["min_cents=-1", "min_cents must be a whole number"],
    ["min_cents=1e3", "min_cents must be a whole number"],
    ["max_cents=9999999999999999", "max_cents must be a whole number"],
    ["min_cents=2&max_cents=1", "max_cents must not be below min_cents"],
    ["created_after=2026-11-3", "created_after must be a time"],
    ["created_before=2026-02-30", "created_before must be a time"],
    ["created_after=2026-13-23T12:00:00Z", "created_after must be a time"],
    ["created_after=2026-11-23T12:00:00", "created_after must be a time"],
    [
      "created_after=2026-11-23T12:00:00Z&created_before=2026-11-23T12:00:00Z",
      "created_before must be later",
    ],
    [
      "updated_after=2026-11-23T12:00:00Z&updated_before=2026-11-23T11:00:00Z",
      "updated_before must be later",
    ],
    ["stuck_seconds=0", "stuck_seconds must be"],
    ["stuck_seconds=99999999999", "stuck_seconds must be"],
    ["needs_operator=0", "needs_operator must be 1, or absent"],
    ["min_resends=2147483648", "min_resends must be"],
    ["sku=-a", "sku must be a SKU"],
    ["client_key=a%20b", "client_key must be"],
    ["provider_id=a'b", "provider_id must be"],
    ["failure_code=no-code", "failure_code must be"],
  ];
  for (const [text, message] of wrong) {
    const read = parseSagaQuery(new URLSearchParams(text));
    expect([text, "faults" in read ? read.faults.map((fault) => fault.message) : read]).toEqual([
      text,
      [expect.stringContaining(message)],
    ]);
  }
  const many = parseSagaQuery(new URLSearchParams("user=1&sku=-&min_cents=2&max_cents=1"));
  expect("faults" in many && many.faults.map(({ name }) => name)).toEqual(["user", "sku"]);
});

test("a time with an offset is the same time in UTC", () => {
  const read = parseSagaQuery(new URLSearchParams({ created_after: "2026-11-23T14:00:00+02:00" }));
  expect(read).toEqual({ query: { created_after: AT } });
});

test("a day is the day in UTC, from its beginning to its end", () => {
  const day = { created_after: "2026-11-23", created_before: "2026-11-23", updated_before: "2026-02-28" };
  expect(parseSagaQuery(new URLSearchParams(day))).toEqual({
    query: {
      created_after: Date.parse("2026-11-23T00:00:00Z"),
      created_before: Date.parse("2026-11-24T00:00:00Z"),
      updated_before: Date.parse("2026-03-01T00:00:00Z"),
    },
  });
});

test("an id and its time", () => {
  expect(timeOfId(firstIdOf(AT))).toBe(AT);
  expect(timeOfId(Bun.randomUUIDv7("hex", AT))).toBe(AT);
  const id = Bun.randomUUIDv7("hex", AT);
  expect(firstIdOf(AT) <= id && id < firstIdOf(AT + 1)).toBe(true);
  expect([firstIdOf(-1), firstIdOf(Infinity)]).toEqual([
    "00000000-0000-0000-0000-000000000000",
    "ffffffff-ffff-0000-0000-000000000000",
  ]);
});
