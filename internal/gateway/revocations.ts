// The revoked sessions that this gateway knows. A loop of cmd/gateway reads the list in Redis every few seconds, so a request costs
// no call. While Redis is away the last list stays in use. Redis may also come back empty: then the gateway writes back what it
// knows. auth.ts asks for every request.
import {
  MAX_REVOCATIONS,
  type Revocation,
  type RevocationList,
  textOfRevocation,
} from "../kernel/revocation.ts";
import { AppError } from "../kernel/errors.ts";
import type { Clock } from "../kernel/ports.ts";
import type { Log, Meter } from "../kernel/telemetry.ts";

/** A revoked session is refused after at most this long, while Redis answers. */
export const REVOCATIONS_INTERVAL_MS = 5_000;
/** From this age on, /readyz and the log of the loop say that the list may be old. */
const STALE_AFTER_MS = 60_000;

/** What a token says about its session. */
export interface TokenSession {
  readonly userId: string;
  /** `sid` and `jti`, if the token has them. */
  readonly sessionId: string | undefined;
  readonly tokenId: string | undefined;
  /** `iat` in epoch seconds, if the token has it. */
  readonly issuedAt: number | undefined;
}

export type RevocationMetrics = ReturnType<typeof revocationMetrics>;

export function revocationMetrics(meter: Meter) {
  return {
    known: meter.gauge("revocations", "Revoked sessions, tokens and users that this gateway refuses."),
    readAt: meter.gauge(
      "revocations_read_timestamp_seconds",
      "When the list of revoked sessions was last read. While this is old, newly revoked sessions still count.",
    ),
    unread: meter.gauge(
      "revocations_unread",
      "Entries of the list that this gateway does not heed: beyond its limit, or not understood.",
    ),
    refused: meter.counter("revoked_tokens_total", "Requests that were refused for a revoked session."),
  };
}

export interface RevocationsOptions {
  readonly list: RevocationList;
  readonly clock: Clock;
  readonly log: Pick<Log, "info" | "warn">;
  readonly metrics: RevocationMetrics;
}

export class Revocations {
  readonly #options: RevocationsOptions;
  /** By their text. Entries stay until they expire, also when Redis forgets them. */
  readonly #known = new Map<string, Revocation>();
  /** Epoch seconds, by user id. */
  readonly #issuedBefore = new Map<string, number>();
  #version: string | undefined;
  /** Epoch ms. */
  #readAt = -Infinity;

  constructor(options: RevocationsOptions) {
    this.#options = options;
  }

  isRevoked({ userId, sessionId, tokenId, issuedAt = -Infinity }: TokenSession): boolean {
    const isRevoked =
      (sessionId !== undefined && this.#known.has(`session:${sessionId}`)) ||
      (tokenId !== undefined && this.#known.has(`token:${tokenId}`)) ||
      issuedAt < (this.#issuedBefore.get(userId) ?? -Infinity);
    if (isRevoked) this.#options.metrics.refused.inc({});
    return isRevoked;
  }

  /** Reads the list if it changed. Throws REDIS_UNAVAILABLE if Redis does not answer; the last list stays in use. */
  async refresh(): Promise<void> {
    const { list, clock, metrics, log } = this.#options;
    const read = await list.read(this.#version);
    this.#readAt = clock.now();
    metrics.readAt.set({}, this.#readAt / 1_000);
    this.#dropExpired();
    if (read !== null) {
      const missing = this.#take(read.revocations);
      metrics.unread.set({}, read.unread);
      if (missing.length > 0) {
        log.warn({ count: missing.length }, "Redis has lost revoked sessions: writing them back");
        await list.add(missing);
      }
      // Only now: after a failure to write, the next run tries again.
      this.#version = missing.length > 0 ? undefined : read.version;
    }
    metrics.known.set({}, this.#known.size);
  }

  /** For /readyz. Throws while the list may be old. */
  async ready(): Promise<void> {
    const age = this.#options.clock.now() - this.#readAt;
    if (age <= STALE_AFTER_MS) return;
    const since = age === Infinity ? "was never read" : `was last read ${Math.round(age / 1_000)} s ago`;
    throw new AppError("REDIS_UNAVAILABLE", `the list of revoked sessions ${since}: newer ones still count`);
  }

  /** Adds what is new, and returns what we know and the list does not. */
  #take(revocations: readonly Revocation[]): readonly Revocation[] {
    const listed = new Set<string>();
    for (const revocation of revocations) {
      const text = textOfRevocation(revocation);
      listed.add(text);
      this.#known.set(text, revocation);
    }
    const missing = [...this.#known].filter(([text]) => !listed.has(text)).map(([, entry]) => entry);
    this.#dropExcess();
    this.#issuedBefore.clear();
    for (const entry of this.#known.values()) {
      if (entry.kind !== "user") continue;
      const before = Math.max(entry.issuedBefore, this.#issuedBefore.get(entry.id) ?? 0);
      this.#issuedBefore.set(entry.id, before);
    }
    return missing;
  }

  #dropExpired(): void {
    const now = this.#options.clock.now() / 1_000;
    for (const [text, entry] of this.#known) {
      if (entry.expiresAt > now) continue;
      this.#known.delete(text);
      // A later entry of the same user is read with the next change of the list, and lives longer.
      if (entry.kind === "user" && this.#issuedBefore.get(entry.id) === entry.issuedBefore)
        this.#issuedBefore.delete(entry.id);
    }
  }

  /** What expires first goes first: its tokens have least time left. */
  #dropExcess(): void {
    const excess = this.#known.size - MAX_REVOCATIONS;
    if (excess <= 0) return;
    const soonest = [...this.#known].toSorted(([, a], [, b]) => a.expiresAt - b.expiresAt);
    for (const [text] of soonest.slice(0, excess)) this.#known.delete(text);
  }
}
