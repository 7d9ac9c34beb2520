// A small OpenID provider for the tests of the console's sign-in: discovery, keys, authorization with a code, and the token endpoint with PKCE
// and the client's secret. Whoever comes is signed in at once, as the person that the test sets.
import { createHash } from "node:crypto";
import { exportJWK, generateKeyPair, SignJWT } from "jose";

export const CLIENT = { id: "checkout-console", secret: "the secret of the client" };

interface Begun {
  readonly challenge: string;
  readonly nonce: string;
  readonly redirectUri: string;
}

export class TestIdentityProvider implements AsyncDisposable {
  /** The claims of whoever signs in next. */
  person: Readonly<Record<string, unknown>> = {};
  /** In place of the nonce that was asked for. */
  wrongNonce: string | null = null;
  readonly #begun = new Map<string, Begun>();
  readonly #server: Bun.Server<undefined>;
  readonly #keys: Awaited<ReturnType<typeof generateKeyPair>>;

  private constructor(keys: Awaited<ReturnType<typeof generateKeyPair>>) {
    this.#keys = keys;
    this.#server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      routes: {
        "/.well-known/openid-configuration": () => Response.json(this.#discovery()),
        "/jwks": async () =>
          Response.json({ keys: [{ ...(await exportJWK(keys.publicKey)), kid: "1", alg: "ES256" }] }),
        "/authorize": (request) => this.#authorize(new URL(request.url).searchParams),
        "/token": { POST: async (request) => this.#token(new URLSearchParams(await request.text())) },
      },
      fetch: () => new Response(null, { status: 404 }),
    });
  }

  static async start(): Promise<TestIdentityProvider> {
    return new TestIdentityProvider(await generateKeyPair("ES256"));
  }

  get issuer(): string {
    return `http://127.0.0.1:${this.#server.port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.stop(true);
  }

  #discovery() {
    return {
      issuer: this.issuer,
      authorization_endpoint: `${this.issuer}/authorize`,
      token_endpoint: `${this.issuer}/token`,
      jwks_uri: `${this.issuer}/jwks`,
      response_types_supported: ["code"],
      subject_types_supported: ["public"],
      id_token_signing_alg_values_supported: ["ES256"],
      code_challenge_methods_supported: ["S256"],
    };
  }

  #authorize(asked: URLSearchParams): Response {
    const code = crypto.randomUUID();
    const redirectUri = asked.get("redirect_uri") ?? "";
    if (asked.get("client_id") !== CLIENT.id || asked.get("code_challenge_method") !== "S256")
      return new Response("no", { status: 400 });
    this.#begun.set(code, {
      challenge: asked.get("code_challenge") ?? "",
      nonce: asked.get("nonce") ?? "",
      redirectUri,
    });
    const back = new URL(redirectUri);
    back.searchParams.set("code", code);
    back.searchParams.set("state", asked.get("state") ?? "");
    return new Response(null, { status: 302, headers: { location: back.href } });
  }

  async #token(sent: URLSearchParams): Promise<Response> {
    const code = sent.get("code") ?? "";
    const begun = this.#begun.get(code);
    this.#begun.delete(code);
    const hash = createHash("sha256")
      .update(sent.get("code_verifier") ?? "")
      .digest("base64url");
    const isOwn =
      begun !== undefined &&
      begun.challenge === hash &&
      begun.redirectUri === sent.get("redirect_uri") &&
      sent.get("client_id") === CLIENT.id &&
      sent.get("client_secret") === CLIENT.secret;
    if (!isOwn) return Response.json({ error: "invalid_grant" }, { status: 400 });
    const id_token = await new SignJWT({ nonce: this.wrongNonce ?? begun.nonce, ...this.person })
      .setProtectedHeader({ alg: "ES256", kid: "1" })
      .setIssuer(this.issuer)
      .setAudience(CLIENT.id)
      .setSubject("a-subject")
      .setIssuedAt()
      .setExpirationTime("5m")
      .sign(this.#keys.privateKey);
    return Response.json({ access_token: "x", token_type: "bearer", expires_in: 300, id_token });
  }
}
