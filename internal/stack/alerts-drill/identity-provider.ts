// The shop's identity provider in a drill: its keys, their public halves over HTTP, and the tokens of shoppers. It can be away, and exchange
// its key. Called by the drills of alerts and of secrets, and by the suite of hostile clients, which also needs tokens that a real provider would never issue.
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import type { CryptoKey, JWK } from "jose";

const ISSUER = "https://id.drill.example";
const AUDIENCE = "shop";
const ALGORITHM = "ES256";

interface Key {
  readonly kid: string;
  readonly privateKey: CryptoKey;
  readonly publicKey: JWK;
}

export class IdentityProvider implements AsyncDisposable {
  /** All that are published; the first signs. */
  #keys: readonly [Key, ...Key[]];
  readonly #port: number;
  #server: Bun.Server<undefined> | undefined;

  private constructor(key: Key) {
    this.#keys = [key];
    this.#server = this.#listen(0);
    this.#port = this.#server.port ?? 0;
  }

  static async start(): Promise<IdentityProvider> {
    return new IdentityProvider(await newKey("drill"));
  }

  /** Publishes another key beside the present ones, which does not sign yet. */
  async publishKey(): Promise<void> {
    this.#keys = [...this.#keys, await newKey(`drill-${this.#keys.length + 1}`)];
  }

  /** From now on the newest key signs. */
  signWithNewest(): void {
    const [signing, ...others] = this.#keys;
    const newest = others.pop();
    if (newest !== undefined) this.#keys = [newest, signing, ...others];
  }

  /** Withdraws all keys but the one that signs. */
  dropOldKeys(): void {
    this.#keys = [this.#keys[0]];
  }

  /** The settings of a gateway that takes its tokens, and no others. */
  get gatewaySettings(): Readonly<Record<string, string>> {
    return {
      JWT_JWKS_URL: `http://127.0.0.1:${this.#port}/jwks`,
      JWT_ISSUER: ISSUER,
      JWT_AUDIENCE: AUDIENCE,
      // Empty counts as not set.
      JWT_HS256_SECRET: "",
    };
  }

  tokenOf(userId: string): Promise<string> {
    return this.sign({ sub: userId });
  }

  /** A token with a good signature, whatever it says. `undefined` takes a claim or field out. `key`: another than its own. */
  sign(claims: object, header: object = {}, key: CryptoKey = this.#keys[0].privateKey): Promise<string> {
    const now = Math.floor(Date.now() / 1_000);
    const { kid } = this.#keys[0];
    return new SignJWT({ iss: ISSUER, aud: AUDIENCE, iat: now, exp: now + 4 * 3_600, ...claims })
      .setProtectedHeader({ alg: ALGORITHM, kid, typ: "JWT", ...header })
      .sign(key);
  }

  /** As everybody can read it. */
  get publicKey(): JWK {
    return this.#keys[0].publicKey;
  }

  async goAway(): Promise<void> {
    await this.#server?.stop(true);
    this.#server = undefined;
  }

  comeBack(): void {
    this.#server ??= this.#listen(this.#port);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.goAway();
  }

  #listen(port: number): Bun.Server<undefined> {
    return Bun.serve({
      hostname: "127.0.0.1",
      port,
      routes: { "/jwks": () => Response.json({ keys: this.#keys.map(({ publicKey }) => publicKey) }) },
    });
  }
}

async function newKey(kid: string): Promise<Key> {
  const { privateKey, publicKey } = await generateKeyPair(ALGORITHM);
  return { kid, privateKey, publicKey: { ...(await exportJWK(publicKey)), kid, alg: ALGORITHM, use: "sig" } };
}
