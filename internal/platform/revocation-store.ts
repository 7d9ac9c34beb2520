// The list of revoked sessions in Redis: a sorted set of entries by their expiry, and a version that changes with each write, so that
// readers fetch the set only after a change. Opened by cmd/gateway, which reads, and by `checkoutctl session`, which writes.
import type { Clock } from "../kernel/ports.ts";
import {
  MAX_REVOCATIONS,
  type Revocation,
  type RevocationList,
  type RevocationsRead,
  revocationOf,
  textOfRevocation,
} from "../kernel/revocation.ts";
import type { Redis } from "./redis.ts";

const LIST = "auth:revoked";
const VERSION = "auth:revoked:version";
/** Keeps one command below 1 ms of the server's single thread. */
const ENTRIES_PER_COMMAND = 1_000;

export class RevocationStore implements RevocationList {
  readonly #redis: Redis;
  readonly #clock: Clock;

  constructor(redis: Redis, clock: Clock) {
    this.#redis = redis;
    this.#clock = clock;
  }

  async read(known: string | undefined): Promise<RevocationsRead | null> {
    // Counting also marks the list as used: a Redis that is full evicts what nobody asks for.
    const [written, count] = await this.#redis.run("revocations", (client) =>
      Promise.all([client.get(VERSION), client.zCard(LIST)]),
    );
    const version = `${written}:${count}`;
    if (version === known) return null;
    const now = Math.floor(this.#clock.now() / 1_000);
    const revocations: Revocation[] = [];
    let found = 0;
    for (let offset = 0; offset < MAX_REVOCATIONS; offset += ENTRIES_PER_COMMAND) {
      // The newest first: if there are too many, those whose tokens have most time left count.
      const page = await this.#redis.run("revocations", (client) =>
        client.zRangeWithScores(LIST, "+inf", now, {
          BY: "SCORE",
          REV: true,
          LIMIT: { offset, count: ENTRIES_PER_COMMAND },
        }),
      );
      found += page.length;
      revocations.push(
        ...page.flatMap(({ value, score }) => {
          const revocation = revocationOf(value, score);
          return revocation === null ? [] : [revocation];
        }),
      );
      if (page.length < ENTRIES_PER_COMMAND) break;
    }
    const beyond = found >= MAX_REVOCATIONS ? Math.max(0, count - found) : 0;
    return { version, revocations, unread: beyond + found - revocations.length };
  }

  async add(revocations: readonly Revocation[]): Promise<void> {
    const now = Math.floor(this.#clock.now() / 1_000);
    for (let from = 0; from < revocations.length; from += ENTRIES_PER_COMMAND) {
      const members = revocations
        .slice(from, from + ENTRIES_PER_COMMAND)
        .map((entry) => ({ value: textOfRevocation(entry), score: entry.expiresAt }));
      await this.#redis.run("revocations", (client) =>
        client
          .multi()
          .zAdd(LIST, members)
          .zRemRangeByScore(LIST, "-inf", now)
          // Not a counter: one that starts again after a restart could reach a number that a reader knows.
          .set(VERSION, crypto.randomUUID())
          .exec(),
      );
    }
  }
}
