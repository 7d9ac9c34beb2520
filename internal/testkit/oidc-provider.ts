// A small OpenID Connect provider on this machine, for tests of the console's sign-in: everybody who comes is already signed in there, as
// `person`. It checks what a real one does: the registered address, the client's secret, PKCE, and that a code counts once. The `spoil`
// functions make it a wrong one.
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from "jose";

const ALGORITHM = "ES256";
const KID = "k1";
export const CLIENT = { id: "checkout-console", secret: "s3cret of the console: 100 %" } as const;

interface Grant {
  readonly redirectUri: string;
  readonly challenge: string;
  readonly claims: JWTPayload;
}

export class OidcProvider {
  /** Claims of whoever comes next. */
  person: JWTPayload = { sub: "u-1", preferred_username: "olga", groups: ["checkout-ops"] };
  /** Claims that only the user info has. */
  onlyInUserInfo: JWTPayload = {};
  /** Changes what goes into the ID token. */
  spoil: (claims: JWTPayload) => JWTPayload = (claims) => claims;
  /** Every request is answered with this; null: properly. */
  outage: Response | null = null;
  /** How often a code was exchanged. */
  exchanges = 0;

  readonly #redirectUri: string;
  readonly #grants = new Map<string, Grant>();
  readonly #server: Bun.Server<undefined>;
  readonly #keys = generateKeyPair(ALGORITHM, { extractable: true });
  /** Signs with a key that its JWK set does not have. */
  #forger: CryptoKey | null = null;

  /** `redirectUri` is the only registered one. */
  constructor(redirectUri: string) {
    this.#redirectUri = redirectUri;
    this.#server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: (request) => this.#answer(request) });
  }

  get issuer(): string {
    return `http://127.0.0.1:${this.#server.port}`;
  }

  async forge(): Promise<void> {
    this.#forger = (await generateKeyPair(ALGORITHM)).privateKey;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.stop(true);
  }

  async #answer(request: Request): Promise<Response> {
    if (this.outage !== null) return this.outage.clone();
    const { pathname, searchParams } = new URL(request.url);
    if (pathname === "/.well-known/openid-configuration") return Response.json(this.#metadata());
    if (pathname === "/jwks") {
      const jwk = await exportJWK((await this.#keys).publicKey);
      return Response.json({ keys: [{ ...jwk, kid: KID, alg: ALGORITHM, use: "sig" }] });
    }
    if (pathname === "/authorize") return this.#authorize(searchParams);
    if (pathname === "/token") return this.#token(request);
    if (pathname === "/userinfo") return Response.json({ sub: this.person.sub, ...this.onlyInUserInfo });
    return new Response(null, { status: 404 });
  }

  #metadata() {
    const { issuer } = this;
    return {
      issuer,
      authorization_endpoint: `${issuer}/authorize`,
      token_endpoint: `${issuer}/token`,
      userinfo_endpoint: `${issuer}/userinfo`,
      jwks_uri: `${issuer}/jwks`,
      response_types_supported: ["code"],
      subject_types_supported: ["public"],
      id_token_signing_alg_values_supported: [ALGORITHM],
      code_challenge_methods_supported: ["S256"],
      authorization_response_iss_parameter_supported: true,
    };
  }

  #authorize(query: URLSearchParams): Response {
    const redirectUri = query.get("redirect_uri") ?? "";
    // To an address that is not registered nobody is sent, not even with an error.
    if (redirectUri !== this.#redirectUri || query.get("client_id") !== CLIENT.id)
      return new Response("not registered", { status: 400 });
    const challenge = query.get("code_challenge") ?? "";
    const back = new URL(redirectUri);
    back.searchParams.set("state", query.get("state") ?? "");
    back.searchParams.set("iss", this.issuer);
    const isWhole =
      query.get("response_type") === "code" &&
      query.get("code_challenge_method") === "S256" &&
      /^[\w-]{43}$/.test(challenge);
    if (isWhole) {
      const code = crypto.randomUUID();
      const claims = { ...this.person, nonce: query.get("nonce") ?? undefined };
      this.#grants.set(code, { redirectUri, challenge, claims });
      back.searchParams.set("code", code);
    } else back.searchParams.set("error", "invalid_request");
    return Response.redirect(back.href, 302);
  }

  async #token(request: Request): Promise<Response> {
    const form = new URLSearchParams(await request.text());
    if (!isClient(request.headers)) return Response.json({ error: "invalid_client" }, { status: 401 });
    const code = form.get("code") ?? "";
    const grant = this.#grants.get(code);
    this.#grants.delete(code);
    const proof = new Bun.CryptoHasher("sha256").update(form.get("code_verifier") ?? "").digest("base64url");
    if (grant?.challenge !== proof || grant.redirectUri !== form.get("redirect_uri"))
      return Response.json({ error: "invalid_grant" }, { status: 400 });
    this.exchanges += 1;
    const id_token = await this.#signed(grant.claims);
    return Response.json({ access_token: "a", token_type: "Bearer", expires_in: 60, id_token });
  }

  async #signed(claims: JWTPayload): Promise<string> {
    const now = Math.floor(Date.now() / 1_000);
    const all = { iss: this.issuer, aud: CLIENT.id, iat: now, exp: now + 60, ...claims };
    return new SignJWT(this.spoil(all))
      .setProtectedHeader({ alg: ALGORITHM, kid: KID })
      .sign(this.#forger ?? (await this.#keys).privateKey);
  }
}

/** By RFC 6749 2.3.1 both halves are encoded as in a form. */
function isClient(headers: Headers): boolean {
  const [id, secret] = atob((headers.get("authorization") ?? "").slice("Basic ".length))
    .split(":")
    .map((half) => new URLSearchParams(`half=${half}`).get("half"));
  return id === CLIENT.id && secret === CLIENT.secret;
}
