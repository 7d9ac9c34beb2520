// Sessions of the console: a signed cookie around the token that opened it, if one did, so that a restart or a second console signs nobody
// out, and what a person does at a service is done with their own token. It ends after 8 h, or with that token, and at once when its owner signs
// out of this console. Whether the token still counts is asked at each visit (visit.ts). Called by visit.ts and routes/session.tsx.
import { Type } from "@sinclair/typebox";
import { TypeCompiler } from "@sinclair/typebox/compiler";
import { jwtVerify, SignJWT } from "jose";
import { Actor as ActorName } from "../../schemas/fields.ts";
import type { Actor, IdentifiedActor } from "./actor.ts";

export const SESSION = "__Host-console";
/** A shift. Nobody who left their desk stays signed in for longer. */
export const MAX_SESSION_MS = 8 * 60 * 60 * 1_000;
const PURPOSE = "checkout-console-session";
/** Signed out before their end; more would mean that nobody stays signed in. */
const MAX_ENDED = 10_000;

/** How a person proved who they are. */
export type SignInMethod = "token" | "oidc";

export interface Session {
  readonly id: string;
  readonly actor: Actor;
  readonly method: SignInMethod;
  /** The person's own; null for somebody whom the identity provider vouched for. */
  readonly token: string | null;
  /** Epoch ms. */
  readonly startedAt: number;
  readonly endsAt: number;
}

const Claims = TypeCompiler.Compile(
  Type.Object({
    jti: Type.String({ minLength: 1 }),
    sub: ActorName,
    role: Type.Union([Type.Literal("viewer"), Type.Literal("operator")]),
    method: Type.Union([Type.Literal("token"), Type.Literal("oidc")]),
    token: Type.Union([Type.String({ minLength: 1 }), Type.Null()]),
    iat: Type.Integer(),
    exp: Type.Integer(),
  }),
);

export class Sessions {
  readonly #keys: readonly [Uint8Array, ...Uint8Array[]];
  /** The id of each session that was signed out, and when it would have ended. */
  readonly #ended = new Map<string, number>();

  /** `secrets`: separated by commas. The first one signs the cookies, all count, so that nobody is signed out by a rotation. */
  constructor(secrets: string) {
    const [signing = "", ...older] = secrets.split(",");
    const keyOf = (secret: string) => new TextEncoder().encode(secret);
    this.#keys = [keyOf(signing), ...older.map(keyOf)];
  }

  /** The cookie's value, and how long it is good for. */
  async open(
    { name, role, token, expiresAt }: IdentifiedActor,
    method: SignInMethod,
    now: number,
  ): Promise<{ readonly value: string; readonly seconds: number }> {
    const endsAt = Math.min(now + MAX_SESSION_MS, expiresAt);
    const value = await new SignJWT({ role, method, token })
      .setProtectedHeader({ alg: "HS256" })
      .setAudience(PURPOSE)
      .setJti(crypto.randomUUID())
      .setSubject(name)
      .setIssuedAt(Math.floor(now / 1_000))
      .setExpirationTime(Math.floor(endsAt / 1_000))
      .sign(this.#keys[0]);
    return { value, seconds: Math.max(1, Math.floor((endsAt - now) / 1_000)) };
  }

  /** Null if it is not a session of this console, or over. */
  async read(value: string, now: number): Promise<Session | null> {
    if (value === "") return null;
    for (const key of this.#keys) {
      const session = await sessionOf(value, key, now);
      if (session !== null) return this.#ended.has(session.id) ? null : session;
    }
    return null;
  }

  /** False once it is signed out or over. */
  isOpen({ id, endsAt }: Session, now: number): boolean {
    return endsAt > now && !this.#ended.has(id);
  }

  end({ id, endsAt }: Session, now: number): void {
    for (const [ended, until] of this.#ended) if (until < now) this.#ended.delete(ended);
    const [oldest] = this.#ended.keys();
    if (this.#ended.size >= MAX_ENDED && oldest !== undefined) this.#ended.delete(oldest);
    this.#ended.set(id, endsAt);
  }
}

/** Null if this key has not signed it, or it is over. */
async function sessionOf(value: string, key: Uint8Array, now: number): Promise<Session | null> {
  try {
    const { payload } = await jwtVerify(value, key, {
      algorithms: ["HS256"],
      audience: PURPOSE,
      currentDate: new Date(now),
    });
    if (!Claims.Check(payload)) return null;
    return {
      id: payload.jti,
      actor: { name: payload.sub, role: payload.role },
      method: payload.method,
      token: payload.token,
      startedAt: payload.iat * 1_000,
      endsAt: payload.exp * 1_000,
    };
  } catch {
    return null;
  }
}
