// Stripe's rules for idempotency keys, one by one.
import { expect, test } from "bun:test";
import { IdempotencyKeys } from "./idempotency.ts";

const DAY_MS = 86_400_000;

function keys(): IdempotencyKeys<string> {
  return new IdempotencyKeys(DAY_MS);
}

test("the first answer is stored and replayed", () => {
  const book = keys();
  expect(book.begin("k", "same", 0)).toEqual({ kind: "execute", attempt: 1 });
  book.store("k", "same", "answer", 0);
  expect(book.begin("k", "same", 1)).toEqual({ kind: "replay", answer: "answer", cut: false });
  expect(book.begin("k", "same", 2)).toEqual({ kind: "replay", answer: "answer", cut: false });
});

test("while a request runs, its key is in use", () => {
  const book = keys();
  book.begin("k", "same", 0);
  expect(book.begin("k", "same", 1)).toEqual({ kind: "in_use" });
  expect(book.begin("other", "same", 1)).toEqual({ kind: "execute", attempt: 1 });
});

test("other parameters are refused, while running and after", () => {
  const book = keys();
  book.begin("k", "same", 0);
  expect(book.begin("k", "other", 1)).toEqual({ kind: "reused" });
  book.store("k", "same", "answer", 2);
  expect(book.begin("k", "other", 3)).toEqual({ kind: "reused" });
});

test("a request that ended before a decision leaves only its count", () => {
  const book = keys();
  book.begin("k", "same", 0);
  book.release("k");
  expect(book.begin("k", "other", 1)).toEqual({ kind: "execute", attempt: 2 });
  expect(book.begin("k", "same", 1)).toEqual({ kind: "reused" });
});

test("a lost reply also loses the configured number of replays", () => {
  const book = keys();
  book.begin("k", "same", 0);
  book.store("k", "same", "answer", 0, 1);
  expect(book.begin("k", "same", 1)).toMatchObject({ cut: true });
  expect(book.begin("k", "same", 2)).toMatchObject({ cut: false });
});

test("a key expires after its lifetime, counted from its first use", () => {
  const book = keys();
  book.begin("k", "same", 0);
  book.store("k", "same", "answer", 1_000);
  expect(book.begin("k", "same", DAY_MS - 1)).toMatchObject({ kind: "replay" });
  expect(book.begin("k", "same", DAY_MS)).toEqual({ kind: "execute", attempt: 1 });
});

test("expiring on demand spares keys of running requests", () => {
  const book = keys();
  book.begin("running", "same", 0);
  book.store("done", "same", "answer", 0);
  expect(book.expire(["running", "unknown"])).toBe(0);
  expect(book.expire(null)).toBe(1);
  expect(book.begin("running", "same", 1)).toEqual({ kind: "in_use" });
  expect(book.begin("done", "same", 1)).toEqual({ kind: "execute", attempt: 1 });
});

test("a key that a rebuild stores twice was used again after it had expired: the later answer counts", () => {
  const book = keys();
  book.store("k", "same", "first", 0);
  book.store("k", "other", "second", DAY_MS + 1);
  expect(book.begin("k", "other", DAY_MS + 2)).toMatchObject({ answer: "second" });
});
