// Who somebody is for the console, by what the identity provider says of them. Pure. Called by routes/oidc.tsx.
import type { Actor, Role } from "./actor.ts";
import type { Claims } from "./identity-provider.ts";

export interface ClaimRules {
  /** The claim that has the name for the audit trail. */
  readonly nameClaim: string;
  /** The claim that has the values below. `a.b` is also looked for as `b` in `a`. */
  readonly roleClaim: string;
  readonly operators: readonly string[];
  readonly viewers: readonly string[];
  readonly isName: (text: string) => boolean;
}

/** The claims that `personOf` cannot do without. */
export function wantedClaims({ nameClaim, roleClaim }: ClaimRules): readonly string[] {
  return [nameClaim, roleClaim].map((claim) => claim.split(".", 1)[0] ?? claim);
}

/** `refused`: why they may not come in, with the way out. */
export function personOf(
  claims: Claims,
  rules: ClaimRules,
): Actor | { readonly name: string | null; readonly refused: string } {
  const name = nameIn(claims, rules);
  if (name === null)
    return {
      name,
      refused: `it names nobody: ${rules.nameClaim} is missing, not confirmed, or no name of 1 to 100 characters without brackets`,
    };
  const role = roleIn(claims, rules);
  if (role !== null) return { name, role };
  return {
    name,
    refused: `${name} is neither an operator nor a viewer here: ${rules.roleClaim} has none of the values that this console knows. Ask whoever gives roles at your company`,
  };
}

function nameIn(claims: Claims, { nameClaim, isName }: ClaimRules): string | null {
  // An address that nobody has confirmed may be somebody else's.
  if (nameClaim === "email" && claims["email_verified"] === false) return null;
  const text = claimIn(claims, nameClaim);
  return typeof text === "string" && isName(text) ? text : null;
}

function roleIn(claims: Claims, { roleClaim, operators, viewers }: ClaimRules): Role | null {
  const found = claimIn(claims, roleClaim);
  const values: readonly unknown[] = Array.isArray(found) ? found : [found];
  const hasOne = (known: readonly string[]) => values.some((one) => known.some((value) => value === one));
  if (hasOne(operators)) return "operator";
  return hasOne(viewers) ? "viewer" : null;
}

/** Some providers have addresses as names of claims, with dots in them. */
function claimIn(claims: Claims, path: string): unknown {
  if (Object.hasOwn(claims, path)) return claims[path];
  return path
    .split(".")
    .reduce<unknown>(
      (found, name) =>
        typeof found === "object" && found !== null && Object.hasOwn(found, name)
          ? Reflect.get(found, name)
          : undefined,
      claims,
    );
}
