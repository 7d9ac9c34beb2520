// The company's identity provider: OpenID Connect, authorization code flow with PKCE. It is asked when somebody signs in, never at the start,
// so that a provider that is away keeps nobody from signing in with a token. Made by cmd/console, called by routes/oidc.tsx.
import * as client from "openid-client";
import { AppError, describeError } from "../kernel/errors.ts";
import type { Clock } from "../kernel/ports.ts";

export interface IdentityProviderOptions {
  readonly issuer: URL;
  readonly clientId: string;
  readonly clientSecret: string;
  /** Where the provider sends people back to: an address of this console that is registered there. */
  readonly redirectUri: string;
  /** `openid` and whatever the claims need, separated by blanks. */
  readonly scopes: string;
  readonly clock: Clock;
}

/** What one sign-in must come back with. Only the browser that began it has them. */
export interface Checks {
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
}

export type Claims = Readonly<Record<string, unknown>>;

/** The provider, or what came back from it, says no. The message can be shown. */
export class SignInRefused extends Error {}

const TIMEOUT_SECONDS = 5;
/** Its addresses hardly ever change; new keys are fetched when a token names them. */
const KEEP_MS = 3_600_000;

export class IdentityProvider {
  readonly #options: IdentityProviderOptions;
  #known: { readonly configuration: client.Configuration; readonly at: number } | null = null;
  #asking: Promise<client.Configuration> | null = null;

  constructor(options: IdentityProviderOptions) {
    this.#options = options;
  }

  /** For people. */
  get name(): string {
    return this.#options.issuer.host;
  }

  /** Where to send the browser, and what it must bring back. Throws SERVICE_UNAVAILABLE. */
  async begin(): Promise<{ readonly address: string; readonly checks: Checks }> {
    const configuration = await this.#configuration();
    const checks = {
      state: client.randomState(),
      nonce: client.randomNonce(),
      verifier: client.randomPKCECodeVerifier(),
    };
    const address = client.buildAuthorizationUrl(configuration, {
      redirect_uri: this.#options.redirectUri,
      scope: this.#options.scopes,
      state: checks.state,
      nonce: checks.nonce,
      code_challenge: await client.calculatePKCECodeChallenge(checks.verifier),
      code_challenge_method: "S256",
    });
    return { address: address.href, checks };
  }

  /**
   * Whom the provider vouches for. `search` is the query that the browser came back with. Claims in `wanted` that the ID token lacks are looked
   * for in the user info. Throws SignInRefused, and SERVICE_UNAVAILABLE.
   */
  async finish(search: string, checks: Checks, wanted: readonly string[]): Promise<Claims> {
    const configuration = await this.#configuration();
    // Not the request's own address: behind a proxy that has another name.
    const address = new URL(this.#options.redirectUri);
    address.search = search;
    try {
      const tokens = await client.authorizationCodeGrant(configuration, address, {
        expectedState: checks.state,
        expectedNonce: checks.nonce,
        pkceCodeVerifier: checks.verifier,
        idTokenExpected: true,
      });
      const claims = tokens.claims();
      if (claims === undefined) throw new SignInRefused("it sent no ID token");
      const hasAll = wanted.every((name) => Object.hasOwn(claims, name));
      if (hasAll || configuration.serverMetadata().userinfo_endpoint === undefined) return claims;
      return {
        ...(await client.fetchUserInfo(configuration, tokens.access_token, claims.sub)),
        ...claims,
      };
    } catch (error) {
      throw this.#inWords(error);
    }
  }

  async #configuration(): Promise<client.Configuration> {
    const { clock } = this.#options;
    if (this.#known !== null && clock.now() - this.#known.at < KEEP_MS) return this.#known.configuration;
    this.#asking ??= this.#discover().finally(() => (this.#asking = null));
    try {
      const configuration = await this.#asking;
      this.#known = { configuration, at: clock.now() };
      return configuration;
    } catch (error) {
      if (this.#known !== null) return this.#known.configuration;
      throw this.#unavailable(error);
    }
  }

  #discover(): Promise<client.Configuration> {
    const { issuer, clientId, clientSecret } = this.#options;
    return client.discovery(issuer, clientId, {}, secretAs(clientSecret), {
      timeout: TIMEOUT_SECONDS,
      execute: [
        // Also the signature of the ID token, not only TLS to where it came from.
        client.enableNonRepudiationChecks,
        // cmd/console lets this through for this machine only.
        ...(issuer.protocol === "http:" ? [client.allowInsecureRequests] : []),
      ],
    });
  }

  #inWords(error: unknown): unknown {
    if (error instanceof SignInRefused) return error;
    const why = refusalIn(error);
    return why === null ? this.#unavailable(error) : new SignInRefused(why, { cause: error });
  }

  #unavailable(cause: unknown): AppError {
    return new AppError(
      "SERVICE_UNAVAILABLE",
      `the identity provider ${this.#options.issuer.href} does not answer as it should: ${faultOf(cause)}`,
      { cause },
    );
  }
}

/** As the provider says that it wants it; by the standard in a header if it says nothing. */
function secretAs(secret: string): client.ClientAuth {
  const [basic, post] = [client.ClientSecretBasic(secret), client.ClientSecretPost(secret)];
  return (server, ...rest) => {
    const { token_endpoint_auth_methods_supported: methods = ["client_secret_basic"] } = server;
    return methods.includes("client_secret_basic") ? basic(server, ...rest) : post(server, ...rest);
  };
}

/** Those of openid-client that say that there was no proper answer. */
const NO_ANSWER = new Set([
  "OAUTH_TIMEOUT",
  "OAUTH_ABORT",
  "OAUTH_RESPONSE_IS_NOT_CONFORM",
  "OAUTH_RESPONSE_IS_NOT_JSON",
]);

/** Null: nobody said no. */
function refusalIn(error: unknown): string | null {
  if (error instanceof client.AuthorizationResponseError) return `it answered ${codeIn(error.error)}`;
  if (error instanceof client.ResponseBodyError) return `it answered ${codeIn(error.error)}`;
  if (!(error instanceof client.ClientError)) return null;
  const { code = "" } = error;
  if (!code.startsWith("OAUTH_") || NO_ANSWER.has(code)) return null;
  return `what came back is not an answer to this sign-in (${code})`;
}

/** The text comes from an address, which anybody can write: only a code is shown. */
function codeIn(text: string): string {
  return /^[a-z_]{1,40}$/.test(text) ? text : "with an error";
}

/** The message of fetch's own errors gives advice to a browser's user, so their code is better. */
function faultOf(error: unknown): string {
  const own = error instanceof Error && "code" in error ? String(error.code) : "";
  return /^E[A-Z]+$|^[A-Z][A-Za-z]+Refused$/.test(own) ? own : describeError(error);
}
