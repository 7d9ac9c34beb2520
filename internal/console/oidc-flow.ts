// A sign-in under way, in a sealed cookie of the browser that began it: nothing is kept here, so any console can end what another began, and
// nobody can fill its memory. Lax, because the browser comes back from another site. Used by routes/oidc.tsx.
import { createHmac } from "node:crypto";
import { Type } from "@sinclair/typebox";
import { TypeCompiler } from "@sinclair/typebox/compiler";
import { EncryptJWT, jwtDecrypt } from "jose";
import type { Checks } from "./identity-provider.ts";

export const FLOW = "__Host-console-oidc";
/** For a password, a second factor, and a coffee. */
export const FLOW_SECONDS = 600;
const PURPOSE = "checkout-console-oidc";

export interface Flow extends Checks {
  /** The path that the person wanted. */
  readonly back: string;
}

const Text = Type.String({ minLength: 1, maxLength: 2_000 });
const Sealed = TypeCompiler.Compile(Type.Object({ state: Text, nonce: Text, verifier: Text, back: Text }));

export class Flows {
  readonly #keys: readonly [Uint8Array, ...Uint8Array[]];

  /** `secrets`: those of the sessions, from which the keys are made. The first one seals, all open. */
  constructor(secrets: string) {
    const [sealing = "", ...older] = secrets.split(",");
    const keyOf = (secret: string) => createHmac("sha256", secret).update(PURPOSE).digest();
    this.#keys = [keyOf(sealing), ...older.map(keyOf)];
  }

  /** The cookie's value. */
  seal({ state, nonce, verifier, back }: Flow, now: number): Promise<string> {
    const at = Math.floor(now / 1_000);
    return new EncryptJWT({ state, nonce, verifier, back })
      .setProtectedHeader({ alg: "dir", enc: "A256GCM" })
      .setAudience(PURPOSE)
      .setIssuedAt(at)
      .setExpirationTime(at + FLOW_SECONDS)
      .encrypt(this.#keys[0]);
  }

  /** Null if it is none of ours, or too old. */
  async open(value: string, now: number): Promise<Flow | null> {
    if (value === "") return null;
    for (const key of this.#keys) {
      const flow = await flowOf(value, key, now);
      if (flow !== null) return flow;
    }
    return null;
  }
}

/** Null if it is not sealed with this key, or too old. */
async function flowOf(value: string, key: Uint8Array, now: number): Promise<Flow | null> {
  try {
    const { payload } = await jwtDecrypt(value, key, {
      keyManagementAlgorithms: ["dir"],
      contentEncryptionAlgorithms: ["A256GCM"],
      audience: PURPOSE,
      requiredClaims: ["exp"],
      currentDate: new Date(now),
    });
    if (!Sealed.Check(payload)) return null;
    const { state, nonce, verifier, back } = payload;
    return { state, nonce, verifier, back };
  } catch {
    return null;
  }
}
