// Tokens of our internal interfaces: short JWTs that a caller signs with its own Ed25519 key. A service verifies each text once, so that
// a request costs a header and a look-up.
//
// `new InternalTokens({ keys: await trustedKeys(TRUSTED_CALLERS_JWKS), clock }).verify(text): Promise<Actor>` is what services call
// (through access.ts), checkoutctl for its own token, and an operators' console for its sign-in. `CallerCredential` signs for a role,
// `mintOperatorToken` for a person.
import { errors, type JWTPayload, jwtVerify, type ProtectedHeaderParameters, SignJWT } from "jose";
import { type Actor, type ActorRole, type Credential, Denied } from "../kernel/actor.ts";
import { assert } from "../kernel/errors.ts";
import type { Clock } from "../kernel/ports.ts";
import { RecentlyUsed } from "../kernel/recently-used.ts";
import { ALGORITHM, type CallerKey, type RoleKeyKind } from "./caller-keys.ts";

const AUDIENCE = "checkout-internal";
/** A gateway has one token a minute, an operator one a day. */
const MAX_REMEMBERED_TOKENS = 1_000;
const MAX_TOKEN_LENGTH = 2_048;
/** Allowed difference between the clocks of caller and service. */
const CLOCK_TOLERANCE_SECONDS = 30;

const SERVICE_TOKEN_SECONDS = 120;
/** A token is used for half its life, so that one that is on its way does not expire. */
const RENEW_AFTER_MS = (SERVICE_TOKEN_SECONDS / 2) * 1_000;
/** Wrong clocks are followed up to here. */
const MAX_SKEW_MS = 2 * 3_600_000;
/** The `date` of an answer has full seconds, and the answer was under way. */
const SMALLEST_SKEW_MS = 5_000;

/** The longest that a person may act with one token. */
export const MAX_OPERATOR_SECONDS = 24 * 3_600;
const MAX_LIFETIME_SECONDS = { service: 600, reader: 600, operators: MAX_OPERATOR_SECONDS } as const;

export const OPERATOR_ROLES = ["viewer", "operator"] as const;
export type OperatorRole = (typeof OPERATOR_ROLES)[number];

/** In the audit trail `shopper` stands for shoppers, and brackets for names that nobody has verified. */
const PERSON = /^(?!shopper$)[^\p{Cc}\s()](?:[^\p{Cc}()]{0,98}[^\p{Cc}\s()])?$/u;

/** Whether it can be the name of a person in a token: 1 to 100 characters, without brackets. */
export function isPersonName(text: string): boolean {
  return PERSON.test(text);
}

export interface InternalTokensOptions {
  /** By their id. */
  readonly keys: ReadonlyMap<string, CallerKey>;
  readonly clock: Clock;
}

interface Verified {
  readonly actor: Actor;
  /** Epoch ms, with the tolerance. */
  readonly expiresAt: number;
}

export class InternalTokens {
  readonly #options: InternalTokensOptions;
  readonly #verified = new RecentlyUsed<string, Verified>(MAX_REMEMBERED_TOKENS);
  /** So that the requests of one moment verify a new token once. */
  readonly #underWay = new Map<string, Promise<Verified>>();

  constructor(options: InternalTokensOptions) {
    this.#options = options;
  }

  /** Who the token belongs to. Throws Denied, whose message says the way out. */
  async verify(text: string): Promise<Actor> {
    const known = this.#verified.get(text);
    if (known !== undefined && known.expiresAt > this.#options.clock.now()) return known.actor;
    const running = this.#underWay.get(text);
    if (running !== undefined) return (await running).actor;
    const verifying = this.#verify(text);
    this.#underWay.set(text, verifying);
    try {
      const verified = await verifying;
      this.#verified.set(text, verified);
      return verified.actor;
    } finally {
      this.#underWay.delete(text);
    }
  }

  async #verify(text: string): Promise<Verified> {
    if (text.length > MAX_TOKEN_LENGTH) throw new Denied("bad_token", "the token is too long");
    const { clock } = this.#options;
    let signer: CallerKey | undefined;
    const keyOf = (header: ProtectedHeaderParameters) => {
      signer = this.#keyOf(header);
      return signer.key;
    };
    const now = clock.now();
    const { payload } = await jwtVerify(text, keyOf, {
      algorithms: [ALGORITHM],
      audience: AUDIENCE,
      requiredClaims: ["iss", "sub", "role", "iat", "exp"],
      currentDate: new Date(now),
      clockTolerance: CLOCK_TOLERANCE_SECONDS,
    }).catch((error: unknown) => {
      throw deniedBy(error);
    });
    assert(signer !== undefined, "a token was verified without a key");
    const { exp = 0 } = payload;
    checkLifetime(payload, signer, now);
    return { actor: actorOf(payload, signer), expiresAt: (exp + CLOCK_TOLERANCE_SECONDS) * 1_000 };
  }

  #keyOf({ kid = "" }: ProtectedHeaderParameters): CallerKey {
    const key = this.#options.keys.get(kid);
    if (key !== undefined) return key;
    throw new Denied(
      "unknown_key",
      "the token is signed with a key that is not trusted here: add the public key to TRUSTED_CALLERS_JWKS of this service, or get a token of a trusted key",
    );
  }
}

function deniedBy(error: unknown): unknown {
  // jose's messages are safe to show to the token's holder. Any other error is our fault.
  if (!(error instanceof errors.JOSEError)) return error;
  if (error instanceof errors.JWTExpired)
    return new Denied(
      "expired",
      "the token has expired: a person gets a new one with `checkoutctl token --operator NAME`",
      { cause: error },
    );
  return new Denied("bad_token", `the token is rejected: ${error.message}`, { cause: error });
}

function checkLifetime({ iat = 0, exp = 0 }: JWTPayload, { kind }: CallerKey, nowMs: number): void {
  if (iat > nowMs / 1_000 + CLOCK_TOLERANCE_SECONDS)
    throw new Denied(
      "expired",
      "the token was issued in the future: compare the clocks of caller and service",
    );
  const longest = MAX_LIFETIME_SECONDS[kind];
  if (exp - iat > longest)
    throw new Denied(
      "bad_token",
      `the token is valid for ${exp - iat} s; of this key at most ${longest} s are accepted`,
    );
}

/** What the token says, if its key may say that. */
function actorOf({ iss, sub = "", role }: JWTPayload, { issuer, kind }: CallerKey): Actor {
  if (iss !== issuer) throw new Denied("bad_token", `the token's iss is not ${issuer}, whose key signed it`);
  if (kind !== "operators") {
    if (role !== kind || sub !== issuer)
      throw new Denied(
        "bad_token",
        `the key of ${issuer} may sign for ${issuer} only, with the role ${kind}`,
      );
    return { name: issuer, role: kind, issuer };
  }
  const known: ActorRole | undefined = OPERATOR_ROLES.find((one) => one === role);
  if (known === undefined)
    throw new Denied("bad_token", `the token's role is not one of ${OPERATOR_ROLES.join(", ")}`);
  if (!isPersonName(sub))
    throw new Denied(
      "bad_token",
      "the token's sub is not the name of a person: 1 to 100 characters, without brackets",
    );
  return { name: sub, role: known, issuer };
}

type RoleKey = CallerKey & { readonly kind: RoleKeyKind };

/** Signs for one of our roles, for its calls to one other role: a new token every minute, not at every request. */
export class CallerCredential implements Credential {
  readonly #key: RoleKey;
  readonly #clock: Clock;
  #current: { readonly header: Promise<string>; readonly issuedAt: number } | undefined;
  /** Of the other role's clock to ours. */
  #skewMs = 0;

  constructor(key: RoleKey, clock: Clock) {
    this.#key = key;
    this.#clock = clock;
  }

  header(): Promise<string> {
    const now = this.#clock.now();
    const age = now - (this.#current?.issuedAt ?? -Infinity);
    // Our own clock may have been set back.
    if (this.#current !== undefined && age >= 0 && age < RENEW_AFTER_MS) return this.#current.header;
    const { issuer, kind } = this.#key;
    const header = signed(this.#key, {
      sub: issuer,
      role: kind,
      nowMs: now + this.#skewMs,
      seconds: SERVICE_TOKEN_SECONDS,
    }).then((token) => `Bearer ${token}`);
    this.#current = { header, issuedAt: now };
    return header;
  }

  correctClock(date: string | null): void {
    const theirs = Date.parse(date ?? "");
    const skew = theirs - this.#clock.now();
    if (Number.isNaN(skew) || Math.abs(skew) > MAX_SKEW_MS) return;
    if (Math.abs(skew - this.#skewMs) < SMALLEST_SKEW_MS) return;
    this.#skewMs = skew;
    this.#current = undefined;
  }
}

export interface OperatorToken {
  readonly name: string;
  readonly role: OperatorRole;
  readonly ttlSeconds: number;
  readonly nowMs: number;
}

/** A token for a person. `key` is of the kind `operators`; `name` satisfies `isPersonName`. */
export function mintOperatorToken(
  key: CallerKey,
  { name, role, ttlSeconds, nowMs }: OperatorToken,
): Promise<string> {
  return signed(key, { sub: name, role, nowMs, seconds: ttlSeconds });
}

interface Claims {
  readonly sub: string;
  readonly role: ActorRole;
  readonly nowMs: number;
  readonly seconds: number;
}

function signed({ key, kid, issuer }: CallerKey, { sub, role, nowMs, seconds }: Claims): Promise<string> {
  const issuedAt = Math.floor(nowMs / 1_000);
  return new SignJWT({ role })
    .setProtectedHeader({ alg: ALGORITHM, kid, typ: "JWT" })
    .setIssuer(issuer)
    .setSubject(sub)
    .setAudience(AUDIENCE)
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + seconds)
    .sign(key);
}
