// Tables as files: money in them has its currency.
import { describe, expect, test } from "bun:test";
import type { OpenPayment } from "../operations/open-payment-store.ts";
import { consoleOptions, NOW, sagaId, sqlThat } from "../testkit/console.ts";
import { ConsoleBrowser } from "../testkit/console-browser.ts";

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
    const person = new ConsoleBrowser(
      consoleOptions(
        {},
        sqlThat(async () => found),
      ),
    );
    await person.post("/sign-in", { token: "token-of-vic" });
    const answer = await person.get(path);
    expect(answer.status).toBe(200);
    return answer.text();
  }

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
});
