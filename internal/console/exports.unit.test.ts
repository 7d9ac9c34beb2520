// Tables as files: a file says that there is more than it has, and money in it has its currency.
import { describe, expect, test } from "bun:test";
import type { OpenPayment } from "../operations/open-payment-store.ts";
import { consoleOptions, NOW, sagaId, sqlThat } from "../testkit/console.ts";
import { ConsoleBrowser } from "../testkit/console-browser.ts";
import { type Column, csvOf, jsonOf } from "./parts/table.tsx";
import { cutAt } from "./respond.ts";
import { cutOf } from "./routes/sagas.tsx";

const columns: readonly Column<{ readonly id: string; readonly count: number }>[] = [
  { name: "id", head: "Id", value: ({ id }) => id },
  { name: "count", head: "Count", value: ({ count }) => count },
];
const ROWS = ["a", "b", "c"].map((id, count) => ({ id, count }));

describe("a file that has not all rows", () => {
  test("says so in its last row, as CSV and as JSON, with the address that goes on", () => {
    const { rows, cut } = cutAt(ROWS, 2, ({ id }) => `/x?after=${id}&as=csv`);
    const why = "These are 2 rows, and there are more.";
    const last = `"# cut: ${why} Go on at /x?after=b&as=csv"`;
    expect(csvOf(columns, rows, cut)).toBe(`id,count\r\na,0\r\nb,1\r\n${last},\r\n`);
    expect(jsonOf(columns, rows, cut)).toEqual([
      ...ROWS.slice(0, 2),
      { cut: why, next: "/x?after=b&as=csv" },
    ]);
  });

  test("a file with all of them has no such row", () => {
    const { rows, cut } = cutAt(ROWS, 3);
    expect([rows.length, cut]).toEqual([3, null]);
    expect(jsonOf(columns, rows, cut)).toEqual(ROWS);
  });
});

test("a file of sagas tells a full one from one that did not look further back", () => {
  const none = { sagas: [], searched_to: null };
  expect(cutOf(none, null, "csv")).toBeNull();
  expect(cutOf(none, "/sagas?after=1", "csv")).toEqual({
    why: "These are 0 sagas, and there may be more.",
    next: "/sagas?after=1&as=csv",
  });
  expect(cutOf({ ...none, searched_to: NOW }, "/sagas?after=1", "json")).toEqual({
    why: "Sagas created before 2026-11-29T12:04:05.000Z were not looked at yet.",
    next: "/sagas?after=1&as=json",
  });
});

describe("/payments", () => {
  const payment: OpenPayment = {
    id: sagaId(9),
    saga_id: sagaId(7),
    status: "UNKNOWN",
    amount_cents: 9_800,
    currency: "JPY",
    provider: "stripe",
    provider_id: null,
    idempotency_key: `${sagaId(7)}.charge`,
    attempts: 3,
    error_code: "PROVIDER_TIMEOUT",
    created_at: NOW - 60_000,
    first_attempt_at: NOW - 59_000,
    next_attempt_at: NOW + 60_000,
  };

  async function file(path: string, found: readonly OpenPayment[]): Promise<string> {
    return (await answerTo(path, found)).text();
  }

  async function answerTo(path: string, found: readonly OpenPayment[]): Promise<Response> {
    const person = new ConsoleBrowser(
      consoleOptions(
        // Its statements have other answers than the list's: here, none.
        { collector: consoleOptions().collector },
        sqlThat(async () => found),
      ),
    );
    await person.post("/sign-in", { token: "token-of-vic" });
    const answer = await person.get(path);
    expect(answer.status).toBe(200);
    return answer;
  }

  test("both files are saved, and not shown in place of the page", async () => {
    const html = await file("/payments", [payment]);
    for (const [as, type] of [
      ["csv", "text/csv; charset=utf-8"],
      ["json", "application/json"],
    ]) {
      expect(html).toMatch(new RegExp(`<a href="/payments\\?as=${as}" download>`));
      const { headers } = await answerTo(`/payments?as=${as}`, [payment]);
      expect(headers.get("content-type")).toBe(type ?? "");
      expect(headers.get("content-disposition")).toMatch(
        new RegExp(`^attachment; filename="[a-z-]+\\.${as}"$`),
      );
    }
  });

  test("an amount has its currency, and the payment its id, its provider and its error", async () => {
    expect(JSON.parse(await file("/payments?as=json", [payment]))).toEqual([
      expect.objectContaining({
        amount_cents: 9_800,
        currency: "JPY",
        id: sagaId(9),
        provider: "stripe",
        error_code: "PROVIDER_TIMEOUT",
      }),
    ]);
    expect(await file("/payments?show=refunds&as=csv", [payment])).toContain(
      `,JPY,${sagaId(9)},stripe,PROVIDER_TIMEOUT\r\n`,
    );
  });

  test("more of them than a file has", async () => {
    const many = Array.from({ length: 10_001 }, () => payment);
    const lines = (await file("/payments?as=csv", many)).split("\r\n");
    expect([lines.length, lines.at(-2)]).toEqual([10_003, expect.stringMatching(/^"?# cut: .*10000 rows/)]);
    const whole: object[] = JSON.parse(await file("/payments?as=json", many.slice(1)));
    expect([whole.length, whole.filter((row) => "cut" in row).length]).toEqual([10_000, 0]);
  });
});
