// Who signs in: the holder of an operator token, the same that checkoutctl and the services take, or somebody whom the company's identity
// provider knows. The latter gets an operator token of their own, so that what they do at a service is done in their name.
import type { Static } from "@sinclair/typebox";
import { decodeJwt } from "jose";
import type { Identify } from "../../internal/console/actor.ts";
import { IdentityProvider } from "../../internal/console/identity-provider.ts";
import type { ConsoleOptions } from "../../internal/console/options.ts";
import { Problem } from "../../internal/console/problem.ts";
import { Denied } from "../../internal/kernel/actor.ts";
import { signingKey, trustedKeys } from "../../internal/platform/caller-keys.ts";
import { systemClock } from "../../internal/platform/clock.ts";
import { InternalTokens, isPersonName, mintOperatorToken } from "../../internal/platform/internal-tokens.ts";
import type { config } from "./config.ts";

/** `jwks` is TRUSTED_CALLERS_JWKS. Throws CONFIG_INVALID if it cannot be read. */
export async function operatorTokens(jwks: string): Promise<Identify> {
  const tokens = new InternalTokens({ keys: await trustedKeys(jwks), clock: systemClock });
  return async (token) => {
    try {
      const { name, role } = await tokens.verify(token);
      if (role === "service" || role === "reader")
        return { refused: "this is the token of a role, not of a person" };
      return { name, role, token, expiresAt: (decodeJwt(token).exp ?? 0) * 1_000 };
    } catch (error) {
      if (error instanceof Denied) return { refused: error.message };
      throw error;
    }
  };
}

/** A shift, as long as a session. */
const TOKEN_SECONDS = 8 * 3_600;

/** Null without OIDC_ISSUER. `faultsOf` has checked that the rest is set. */
export async function identityProvider(env: Static<typeof config>): Promise<ConsoleOptions["oidc"]> {
  const {
    OIDC_ISSUER,
    OIDC_CLIENT_ID = "",
    OIDC_CLIENT_SECRET = "",
    OPERATORS_PRIVATE_JWK = "",
    CONSOLE_URL = "",
  } = env;
  if (OIDC_ISSUER === undefined) return null;
  const key = await signingKey("OPERATORS_PRIVATE_JWK", OPERATORS_PRIVATE_JWK, "operators");
  const provider = new IdentityProvider({
    issuer: OIDC_ISSUER,
    clientId: OIDC_CLIENT_ID,
    clientSecret: OIDC_CLIENT_SECRET,
    publicUrl: CONSOLE_URL.replace(/\/+$/, ""),
    nameClaim: env.OIDC_NAME_CLAIM,
    rolesClaim: env.OIDC_ROLES_CLAIM,
    roleNames: { viewer: env.OIDC_VIEWER_ROLE, operator: env.OIDC_OPERATOR_ROLE },
    secret: env.CONSOLE_SESSION_SECRET,
  });
  return {
    provider,
    async mint({ name, role }, nowMs) {
      if (!isPersonName(name))
        throw new Problem(
          403,
          "Not signed in",
          `${name} cannot be a name in the audit trail: correct OIDC_NAME_CLAIM.`,
        );
      const token = await mintOperatorToken(key, { name, role, ttlSeconds: TOKEN_SECONDS, nowMs });
      return { name, role, token, expiresAt: nowMs + TOKEN_SECONDS * 1_000 };
    },
  };
}
