// Makes the sign-in at an identity provider out of the console's settings: all of them, or none.
import type { Static } from "@sinclair/typebox";
import { Denied } from "../../internal/kernel/actor.ts";
import { AppError } from "../../internal/kernel/errors.ts";
import { IdentityProvider } from "../../internal/console/identity-provider.ts";
import { Flows } from "../../internal/console/oidc-flow.ts";
import type { CompanySignIn } from "../../internal/console/options.ts";
import { type CallerKey, signingKey, trustedKeys } from "../../internal/platform/caller-keys.ts";
import { systemClock } from "../../internal/platform/clock.ts";
import { InternalTokens, isPersonName, mintOperatorToken } from "../../internal/platform/internal-tokens.ts";
import type { config } from "./config.ts";

type ConsoleSettings = Static<typeof config>;

const CALLBACK = "/sign-in/oidc/callback";
/** For one act, with the time that a service may take to read it. */
const TOKEN_SECONDS = 300;

const NEEDED = [
  "OIDC_ISSUER",
  "OIDC_CLIENT_ID",
  "OIDC_CLIENT_SECRET",
  "OPERATORS_PRIVATE_JWK",
  "CONSOLE_URL",
] as const;

/** Faults of settings that are valid one by one but not together. */
export function faultsOf(env: ConsoleSettings): readonly string[] {
  if (!isWanted(env)) return [];
  const faults = NEEDED.flatMap((name) => (env[name] === undefined ? [missing(name)] : []));
  for (const name of ["OIDC_ISSUER", "CONSOLE_URL"] as const)
    if (env[name] !== undefined && !isPrivate(new URL(env[name])))
      faults.push(
        `${name} is not valid: over plain http anybody on the way could be anybody; only this machine (localhost, 127.0.0.1) may do without https`,
      );
  return faults;
}

/** OPERATORS_PRIVATE_JWK alone is checkoutctl's, in an environment that is shared. */
function isWanted(env: ConsoleSettings): boolean {
  const { OIDC_ISSUER, OIDC_CLIENT_ID, OIDC_CLIENT_SECRET } = env;
  return [OIDC_ISSUER, OIDC_CLIENT_ID, OIDC_CLIENT_SECRET].some((value) => value !== undefined);
}

function missing(name: string): string {
  return `${name} is missing: people can sign in at an identity provider only with it`;
}

/** Null if no setting names a provider. `faultsOf` has checked that the rest is set. Throws CONFIG_INVALID. */
export async function companySignIn(env: ConsoleSettings): Promise<CompanySignIn | null> {
  if (!isWanted(env)) return null;
  const key = await ownKey(env);
  const { OIDC_ISSUER = "", OIDC_CLIENT_ID = "", OIDC_CLIENT_SECRET = "", CONSOLE_URL = "" } = env;
  return {
    provider: new IdentityProvider({
      issuer: new URL(OIDC_ISSUER),
      clientId: OIDC_CLIENT_ID,
      clientSecret: OIDC_CLIENT_SECRET,
      redirectUri: `${CONSOLE_URL.replace(/\/+$/, "")}${CALLBACK}`,
      scopes: env.OIDC_SCOPES,
      clock: systemClock,
    }),
    flows: new Flows(env.CONSOLE_SESSION_SECRET),
    rules: {
      nameClaim: env.OIDC_NAME_CLAIM,
      roleClaim: env.OIDC_ROLES_CLAIM,
      operators: listOf(env.OIDC_OPERATOR_ROLE),
      viewers: listOf(env.OIDC_VIEWER_ROLE),
      isName: isPersonName,
    },
    tokenFor: ({ name, role }) =>
      mintOperatorToken(key, { name, role, ttlSeconds: TOKEN_SECONDS, nowMs: systemClock.now() }),
  };
}

function isPrivate({ protocol, hostname }: URL): boolean {
  return protocol === "https:" || ["localhost", "127.0.0.1", "[::1]"].includes(hostname);
}

/** The key, once it is clear that what it signs is believed here; services are given the same list. */
async function ownKey({ OPERATORS_PRIVATE_JWK, TRUSTED_CALLERS_JWKS }: ConsoleSettings): Promise<CallerKey> {
  const key = await signingKey("OPERATORS_PRIVATE_JWK", OPERATORS_PRIVATE_JWK ?? "", "operators");
  const tokens = new InternalTokens({ keys: await trustedKeys(TRUSTED_CALLERS_JWKS), clock: systemClock });
  const nowMs = systemClock.now();
  const token = await mintOperatorToken(key, { name: "console", role: "viewer", ttlSeconds: 60, nowMs });
  await tokens.verify(token).catch((error: unknown) => {
    if (!(error instanceof Denied)) throw error;
    throw new AppError(
      "CONFIG_INVALID",
      "OPERATORS_PRIVATE_JWK is not usable: its public half is not in TRUSTED_CALLERS_JWKS; add it there, here and at the orchestrator",
      { cause: error },
    );
  });
  return key;
}

function listOf(text: string): readonly string[] {
  return text.split(",").flatMap((value) => (value.trim() === "" ? [] : [value.trim()]));
}
