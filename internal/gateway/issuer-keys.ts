// The public keys of the identity provider, from its JSON Web Key Set (JWT_JWKS_URL). A new key is found without a restart: by the
// loop of cmd/gateway, and at once when a token names a key that is not known. The last good set stays in use while the issuer does
// not answer, or answers with something else.
import { type CryptoKey, errors } from "jose";
import { AppError, describeError } from "../kernel/errors.ts";
import { limitedText } from "../kernel/limited-text.ts";
import type { Clock } from "../kernel/ports.ts";
import type { Log, Meter } from "../kernel/telemetry.ts";
import { KEY_ALGORITHMS, keySetOf, type VerifyingKey } from "./key-set.ts";
import type { TokenHeader, TokenKeys } from "./token-keys.ts";

/** A removed key is refused after at most this long. Each gateway asks once per interval. */
export const KEYS_REFRESH_INTERVAL_MS = 60_000;
/**
 * Tokens with unknown keys cause at most one request per this time: anyone can send them. While the issuer answers, the time is short,
 * because within it a token of a key that the issuer has just begun to use is refused with 401. While it does not, the answer is 503 anyway.
 */
const COOLDOWN_MS = 1_000;
const COOLDOWN_AFTER_FAULT_MS = 10_000;
const TIMEOUT_MS = 5_000;
const MAX_DOCUMENT_BYTES = 256 * 1_024;

export interface IssuerKeysOptions {
  readonly url: string;
  readonly clock: Clock;
  readonly log: Pick<Log, "info" | "warn">;
  readonly metrics: IssuerKeysMetrics;
  /** Overrides the limit above, for tests. Milliseconds. */
  readonly timeoutMs?: number;
}

export type IssuerKeysMetrics = ReturnType<typeof issuerKeysMetrics>;

export function issuerKeysMetrics(meter: Meter) {
  return {
    keys: meter.gauge("token_keys", "Keys of the identity provider that verify tokens now."),
    fetches: meter.counter("token_key_fetches_total", "Requests for the identity provider's keys.", [
      "result",
    ]),
    fetchedAt: meter.gauge(
      "token_keys_fetched_timestamp_seconds",
      "When the keys of the identity provider were last fetched. While this is old, new keys are not known and removed ones still count.",
    ),
  };
}

export class IssuerKeys implements TokenKeys {
  readonly algorithms = KEY_ALGORITHMS;
  readonly #options: IssuerKeysOptions;
  #keys: readonly VerifyingKey[] = [];
  #removals = 0;
  #fetching: Promise<void> | undefined;
  /** Epoch ms of the end of the last request. */
  #triedAt = -Infinity;
  /** Why the last request brought no keys; undefined if it brought some. */
  #fault: string | undefined = "not asked yet";
  /** Faults of keys that were logged, so that each is logged once. */
  #leftOut = "";

  constructor(options: IssuerKeysOptions) {
    this.#options = options;
  }

  get removals(): number {
    return this.#removals;
  }

  async keyFor(header: TokenHeader): Promise<CryptoKey> {
    const known = this.#find(header);
    if (known !== undefined) return known.key;
    const { clock } = this.#options;
    const elapsed = clock.now() - this.#triedAt;
    // A clock that went back must not keep new keys out until it catches up.
    const cooldownMs = this.#fault === undefined ? COOLDOWN_MS : COOLDOWN_AFTER_FAULT_MS;
    if (elapsed >= cooldownMs || elapsed < 0) await this.refresh().catch(() => undefined);
    const found = this.#find(header);
    if (found !== undefined) return found.key;
    // The issuer has answered within the last second, and does not have this key.
    if (this.#fault === undefined) throw new errors.JWKSNoMatchingKey();
    // The token may be good: its key may be newer than our set. A 401 would sign the shopper out.
    throw new AppError("SERVICE_UNAVAILABLE", `a token's key is not known, and ${this.#faultText()}`);
  }

  /** Fetches the keys now. Throws SERVICE_UNAVAILABLE if that fails; the last good set stays in use. */
  refresh(): Promise<void> {
    this.#fetching ??= this.#refresh().finally(() => {
      this.#fetching = undefined;
    });
    return this.#fetching;
  }

  /** For /readyz. Throws while the last request for keys failed. */
  async ready(): Promise<void> {
    if (this.#fault !== undefined) throw new AppError("SERVICE_UNAVAILABLE", this.#faultText());
  }

  async #refresh(): Promise<void> {
    const { clock, metrics } = this.#options;
    try {
      const { keys, leftOut } = await keySetOf(await this.#fetch());
      this.#replace(keys);
      this.#logLeftOut(leftOut);
      this.#fault = undefined;
      metrics.fetches.inc({ result: "ok" });
      metrics.fetchedAt.set({}, clock.now() / 1_000);
      metrics.keys.set({}, keys.length);
    } catch (error) {
      this.#fault = describeError(error);
      metrics.fetches.inc({ result: "failed" });
      throw new AppError("SERVICE_UNAVAILABLE", this.#faultText(), { cause: error });
    } finally {
      this.#triedAt = clock.now();
    }
  }

  #replace(keys: readonly VerifyingKey[]): void {
    const before = new Set(this.#keys.map(({ identity }) => identity));
    const now = new Set(keys.map(({ identity }) => identity));
    const added = keys.filter(({ identity }) => !before.has(identity));
    const removed = this.#keys.filter(({ identity }) => !now.has(identity));
    this.#keys = keys;
    if (removed.length > 0) this.#removals += 1;
    if (added.length + removed.length === 0) return;
    const names = (list: readonly VerifyingKey[]) => list.map(({ kid }) => kid ?? null);
    this.#options.log.info({ added: names(added), removed: names(removed) }, "the keys for tokens changed");
  }

  #logLeftOut(leftOut: readonly string[]): void {
    const text = leftOut.join("; ");
    if (text !== "" && text !== this.#leftOut)
      this.#options.log.warn({}, `some keys for tokens are not used: ${text}`);
    this.#leftOut = text;
  }

  #find({ alg, kid }: TokenHeader): VerifyingKey | undefined {
    const fitting = this.#keys.filter(
      (key) => alg !== undefined && key.algorithms.includes(alg) && (kid === undefined || key.kid === kid),
    );
    // Without a kid several keys may fit. Trying all of them would multiply the cost of a bad token.
    if (fitting.length > 1) throw new errors.JWKSMultipleMatchingKeys();
    return fitting[0];
  }

  async #fetch(): Promise<unknown> {
    const { url, timeoutMs = TIMEOUT_MS } = this.#options;
    const response = await fetch(url, {
      headers: { accept: "application/jwk-set+json, application/json" },
      signal: AbortSignal.timeout(timeoutMs),
      // A redirect could lead to keys of somebody else.
      redirect: "error",
    });
    if (!response.ok) {
      await response.body?.cancel();
      throw new Error(`it answered ${response.status}`);
    }
    const text = await limitedText(response.body, MAX_DOCUMENT_BYTES);
    if (text === null) throw new Error(`its answer has more than ${MAX_DOCUMENT_BYTES} bytes`);
    return JSON.parse(text);
  }

  #faultText(): string {
    // Without credentials or a query, which may be secret.
    const { origin, pathname } = new URL(this.#options.url);
    return `the keys for tokens cannot be fetched from ${origin}${pathname} (JWT_JWKS_URL): ${this.#fault}`;
  }
}
