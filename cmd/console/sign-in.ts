// Who the holder of an operator token is: the same tokens that checkoutctl and the services take.
import { decodeJwt, errors } from "jose";
import type { Identify } from "../../internal/console/actor.ts";
import { Denied } from "../../internal/kernel/actor.ts";
import { trustedKeys } from "../../internal/platform/caller-keys.ts";
import { systemClock } from "../../internal/platform/clock.ts";
import { InternalTokens } from "../../internal/platform/internal-tokens.ts";

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
      if (error instanceof Denied) return { refused: isGarbled(error) ? GARBLED : error.message };
      throw error;
    }
  };
}

const GARBLED = "it is not an operator token, or it was cut while copying";

function isGarbled({ cause }: Denied): boolean {
  return [errors.JWSInvalid, errors.JWTInvalid, errors.JWSSignatureVerificationFailed].some(
    (kind) => cause instanceof kind,
  );
}
