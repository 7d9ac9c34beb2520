// Sign-in at the company's identity provider: OpenID Connect, authorization code flow with PKCE. What has to be remembered until the browser
// comes back is in a signed cookie of that browser, so any console may finish what another one began. Called by routes/oidc.tsx.
import { Type } from "@sinclair/typebox";
import { TypeCompiler } from "@sinclair/typebox/compiler";
import { jwtVerify, SignJWT } from "jose";
import * as oidc from "openid-client";
import { describeError } from "../kernel/errors.ts";
import type { Role } from "./actor.ts";
import { Problem } from "./problem.ts";

export interface IdentityProviderOptions {
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** The console's public address, without a slash at the end. */
  readonly publicUrl: string;
  /** Where the ID token names the person and their roles; a dot leads into an object. */
  readonly nameClaim: string;
  readonly rolesClaim: string;
  /** What stands there for each role. */
  readonly roleNames: Readonly<Record<Role, string>>;
  /** Signs the cookie. */
  readonly secret: string;
}

export const CALLBACK = "/sign-in/oidc/callback";
export const PENDING = "__Host-console-oidc";
/** How long somebody may take to sign in there. */
export const PENDING_SECONDS = 600;
const PURPOSE = "checkout-console-oidc";
const SCOPE = "openid profile email";

const Pending = TypeCompiler.Compile(
  Type.Object({ verifier: Type.String(), state: Type.String(), nonce: Type.String(), back: Type.String() }),
);

export interface SignedInThere {
  readonly name: string;
  readonly role: Role;
  readonly back: string;
}

export class IdentityProvider {
  readonly #options: IdentityProviderOptions;
  readonly #key: Uint8Array;
  #configuration: Promise<oidc.Configuration> | undefined;

  constructor(options: IdentityProviderOptions) {
    this.#options = options;
    this.#key = new TextEncoder().encode(options.secret);
  }

  /** Where to send the browser, and what to remember meanwhile. Throws a problem if the provider does not answer. */
  async begin(back: string): Promise<{ readonly url: string; readonly pending: string }> {
    const configuration = await this.#configured();
    const [verifier, state, nonce] = [oidc.randomPKCECodeVerifier(), oidc.randomState(), oidc.randomNonce()];
    const url = oidc.buildAuthorizationUrl(configuration, {
      redirect_uri: this.#options.publicUrl + CALLBACK,
      scope: SCOPE,
      code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
      code_challenge_method: "S256",
      state,
      nonce,
    });
    const pending = await new SignJWT({ verifier, state, nonce, back })
      .setProtectedHeader({ alg: "HS256" })
      .setAudience(PURPOSE)
      .setExpirationTime(`${PENDING_SECONDS}s`)
      .sign(this.#key);
    return { url: url.href, pending };
  }

  /** `search`: the query with which the browser came back. Throws a problem in words. */
  async finish(search: string, pending: string): Promise<SignedInThere> {
    const kept = await this.#pending(pending);
    const configuration = await this.#configured();
    const came = new URL(this.#options.publicUrl + CALLBACK + search);
    try {
      const tokens = await oidc.authorizationCodeGrant(configuration, came, {
        pkceCodeVerifier: kept.verifier,
        expectedState: kept.state,
        expectedNonce: kept.nonce,
        idTokenExpected: true,
      });
      return { ...this.#personOf(tokens.claims() ?? {}), back: kept.back };
    } catch (error) {
      if (error instanceof Problem) throw error;
      throw new Problem(
        403,
        "Not signed in",
        `The identity provider's answer was not accepted: ${describeError(error)}.`,
      );
    }
  }

  #personOf(claims: object): { readonly name: string; readonly role: Role } {
    const { nameClaim, rolesClaim, roleNames } = this.#options;
    const name = claimOf(claims, nameClaim);
    if (typeof name !== "string" || name === "")
      throw new Problem(
        403,
        "Not signed in",
        `The identity provider does not say who you are: there is no claim ${nameClaim}.`,
      );
    const found = claimOf(claims, rolesClaim);
    const roles: readonly unknown[] = Array.isArray(found) ? found : [found];
    if (roles.includes(roleNames.operator)) return { name, role: "operator" };
    if (roles.includes(roleNames.viewer)) return { name, role: "viewer" };
    throw new Problem(
      403,
      "Not allowed",
      `${name} may not use this console: the claim ${rolesClaim} has neither ${roleNames.viewer} nor ${roleNames.operator}.`,
    );
  }

  async #pending(text: string) {
    const { payload } = await jwtVerify(text, this.#key, { algorithms: ["HS256"], audience: PURPOSE }).catch(
      () => ({
        payload: {},
      }),
    );
    if (Pending.Check(payload)) return payload;
    throw new Problem(
      403,
      "Not signed in",
      "This sign-in was begun in another browser, or too long ago. Begin again.",
    );
  }

  /** Asked once; again after a failure. */
  async #configured(): Promise<oidc.Configuration> {
    const { issuer, clientId, clientSecret } = this.#options;
    const url = new URL(issuer);
    // Without TLS only for a provider of a test or of a development stack.
    const execute = url.protocol === "http:" ? [oidc.allowInsecureRequests] : [];
    this.#configuration ??= oidc.discovery(url, clientId, clientSecret, undefined, { execute });
    try {
      return await this.#configuration;
    } catch (error) {
      this.#configuration = undefined;
      throw new Problem(
        503,
        "Not reachable",
        `The identity provider does not answer at ${url.origin}: ${describeError(error)}. An operator token works without it.`,
      );
    }
  }
}

function claimOf(claims: object, path: string): unknown {
  let value: unknown = claims;
  for (const name of path.split("."))
    value = typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
  return value;
}
