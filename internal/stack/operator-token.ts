// The token of an operator of a local stack, signed with its own key. For the demo and the tests.
import { signingKey } from "../platform/caller-keys.ts";
import { mintOperatorToken, type OperatorRole } from "../platform/internal-tokens.ts";
import type { StackSecrets } from "./secrets.ts";

const TTL_SECONDS = 8 * 3_600;

export async function operatorToken(
  { operators_private_jwk: jwk }: Pick<StackSecrets, "operators_private_jwk">,
  name: string,
  role: OperatorRole = "operator",
): Promise<string> {
  const key = await signingKey("operators_private_jwk", jwk, "operators");
  return mintOperatorToken(key, { name, role, ttlSeconds: TTL_SECONDS, nowMs: Date.now() });
}
