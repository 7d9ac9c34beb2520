// The headers of an operator of the system under test, who stocks it. Written against the description of internal tokens in
// docs/ARCHITECTURE.md, not with the code under test. Called by system.ts.
import { importJWK, type JWK, SignJWT } from "jose";

const TTL_SECONDS = 3_600;

interface Secrets {
  /** Missing in commits without internal tokens, whose services let everybody in. */
  readonly operators_private_jwk?: string;
}

export async function operatorHeaders(secretsFile: string): Promise<Readonly<Record<string, string>>> {
  const { operators_private_jwk: text }: Secrets = await Bun.file(secretsFile).json();
  if (text === undefined) return {};
  const jwk: JWK & { readonly issuer: string } = JSON.parse(text);
  const issuedAt = Math.floor(Date.now() / 1_000);
  const token = await new SignJWT({ role: "operator" })
    .setProtectedHeader({ alg: "EdDSA", kid: jwk.kid ?? "" })
    .setIssuer(jwk.issuer)
    .setSubject("bench")
    .setAudience("checkout-internal")
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + TTL_SECONDS)
    .sign(await importJWK(jwk, "EdDSA"));
  return { authorization: `Bearer ${token}` };
}
