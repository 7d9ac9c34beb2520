// What a gateway knows of revoked sessions while the list changes, is lost, or cannot be read.
import { expect, test } from "bun:test";
import type { Revocation, RevocationsRead } from "../kernel/revocation.ts";
import { AppError } from "../kernel/errors.ts";
import { checkedMeter, noLog } from "../testkit/noop-telemetry.ts";
import { SHOPPER, STRANGER } from "../testkit/gateway.ts";
import { Revocations, revocationMetrics, type TokenSession } from "./revocations.ts";

const DAY = 86_400;

/** A list in memory that can be away. */
class List {
  entries: Revocation[] = [];
  added: Revocation[] = [];
  reads = 0;
  isAway = false;
  #version = 0;

  put(...entries: Revocation[]): void {
    this.entries = entries;
    this.#version += 1;
  }

  async read(known: string | undefined): Promise<RevocationsRead | null> {
    if (this.isAway) throw new AppError("REDIS_UNAVAILABLE", "away");
    const version = String(this.#version);
    if (version === known) return null;
    this.reads += 1;
    return { version, revocations: this.entries, unread: 0 };
  }

  async add(entries: readonly Revocation[]): Promise<void> {
    this.added.push(...entries);
    this.put(...this.entries, ...entries);
  }
}

function setUp() {
  const list = new List();
  const time = { now: 1_800_000_000_000 };
  let refused = 0;
  const metrics = revocationMetrics(
    checkedMeter((name) => {
      if (name === "revoked_tokens_total") refused += 1;
    }),
  );
  const revocations = new Revocations({ list, clock: { now: () => time.now }, log: noLog, metrics });
  const seconds = () => Math.floor(time.now / 1_000);
  return { list, time, revocations, seconds, refused: () => refused };
}

const token = (parts: Partial<TokenSession> = {}): TokenSession => ({
  userId: SHOPPER,
  sessionId: undefined,
  tokenId: undefined,
  issuedAt: undefined,
  ...parts,
});

test("a session, a token and a user's older tokens are refused; others are not", async () => {
  const { list, revocations, seconds, refused } = setUp();
  const expiresAt = seconds() + DAY;
  list.put(
    { kind: "session", id: "s", expiresAt },
    { kind: "token", id: "t", expiresAt },
    { kind: "user", id: STRANGER, issuedBefore: seconds(), expiresAt },
    { kind: "user", id: STRANGER, issuedBefore: seconds() - 100, expiresAt },
  );
  await revocations.refresh();
  const is = (parts: Partial<TokenSession>) => revocations.isRevoked(token(parts));
  expect([
    is({ sessionId: "s" }),
    is({ sessionId: "t" }),
    is({ tokenId: "t" }),
    is({ tokenId: "s" }),
  ]).toEqual([true, false, true, false]);
  const of = (issuedAt: number | undefined) => is({ userId: STRANGER, issuedAt });
  expect([of(seconds() - 1), of(seconds()), of(undefined)]).toEqual([true, false, true]);
  expect(is({ issuedAt: seconds() - 1 })).toBe(false);
  expect(refused()).toBe(4);
});

test("an unchanged list is read once", async () => {
  const { list, revocations } = setUp();
  await revocations.refresh();
  await revocations.refresh();
  expect(list.reads).toBe(1);
});

test("while the list is away the last one counts, and /readyz says so after a minute", async () => {
  const { list, time, revocations, seconds } = setUp();
  await expect(revocations.ready()).rejects.toThrow("was never read");
  list.put({ kind: "session", id: "s", expiresAt: seconds() + DAY });
  await revocations.refresh();
  list.isAway = true;
  await expect(revocations.refresh()).rejects.toThrow("away");
  expect(revocations.isRevoked(token({ sessionId: "s" }))).toBe(true);
  await revocations.ready();
  time.now += 61_000;
  await expect(revocations.ready()).rejects.toThrow("was last read 61 s ago");
});

test("a list that was lost gets back what is known, but not what expired", async () => {
  const { list, time, revocations, seconds } = setUp();
  const long: Revocation = { kind: "session", id: "long", expiresAt: seconds() + DAY };
  list.put(long, { kind: "user", id: SHOPPER, issuedBefore: seconds(), expiresAt: seconds() + 10 });
  await revocations.refresh();
  expect(revocations.isRevoked(token())).toBe(true);
  time.now += 11_000;
  list.put();
  await revocations.refresh();
  expect(list.added).toEqual([long]);
  expect([revocations.isRevoked(token()), revocations.isRevoked(token({ sessionId: "long" }))]).toEqual([
    false,
    true,
  ]);
  // The next run reads what it wrote, and then rests.
  await revocations.refresh();
  await revocations.refresh();
  expect([list.added.length, list.reads]).toEqual([1, 3]);
});
