// The shop's identity provider in a drill: a key pair, its public key over HTTP, and the tokens of shoppers. It can be away. Called by
// arena.ts, and by the suite of hostile clients, which also wants tokens that it would never give out.
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import type { CryptoKey, JWK } from "jose";

const ISSUER = "https://id.drill.example";
const AUDIENCE = "shop";
const KEY_ID = "drill";
const ALGORITHM = "ES256";

export class IdentityProvider implements AsyncDisposable {
  readonly #privateKey: CryptoKey;
  readonly #publicKey: JWK;
  readonly #port: number;
  #server: Bun.Server<undefined> | undefined;

  private constructor(privateKey: CryptoKey, publicKey: JWK) {
    this.#privateKey = privateKey;
    this.#publicKey = { ...publicKey, kid: KEY_ID, alg: ALGORITHM, use: "sig" };
    this.#server = this.#listen(0);
    this.#port = this.#server.port ?? 0;
  }

  static async start(): Promise<IdentityProvider> {
    const { privateKey, publicKey } = await generateKeyPair(ALGORITHM);
    return new IdentityProvider(privateKey, await exportJWK(publicKey));
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
  sign(claims: object, header: object = {}, key: CryptoKey = this.#privateKey): Promise<string> {
    const now = Math.floor(Date.now() / 1_000);
    return new SignJWT({ iss: ISSUER, aud: AUDIENCE, iat: now, exp: now + 4 * 3_600, ...claims })
      .setProtectedHeader({ alg: ALGORITHM, kid: KEY_ID, typ: "JWT", ...header })
      .sign(key);
  }

  /** As everybody can read it. */
  get publicKey(): JWK {
    return this.#publicKey;
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
      routes: { "/jwks": () => Response.json({ keys: [this.#publicKey] }) },
    });
  }
}
