// Who runs a command, and how services know it. A person's token (OPERATOR_TOKEN) says it. A holder of the operators' key, as on the
// local stack, acts under their login. Nobody can type a name. Called by the commands that call a service or change something by hand.
import { AppError } from "../../internal/kernel/errors.ts";
import { Denied, objectionToActing } from "../../internal/kernel/actor.ts";
import { callerNames } from "../../internal/platform/caller.ts";
import { signingKey, trustedKeys } from "../../internal/platform/caller-keys.ts";
import { systemClock } from "../../internal/platform/clock.ts";
import { InternalTokens, isPersonName, mintOperatorToken } from "../../internal/platform/internal-tokens.ts";
import type { ServiceAt } from "../../internal/operations/service-call.ts";
import type { SettingName, Settings } from "./settings.ts";

/** For the calls of one command. */
const OWN_TOKEN_SECONDS = 3_600;
const HOW = "`checkoutctl token --operator NAME` makes one, where the operators' key is";

/** The service at the address in `setting`, with the caller's token. Throws CONFIG_INVALID if there is none. */
export async function serviceAt(settings: Settings, setting: SettingName): Promise<ServiceAt> {
  const url = settings.need(setting);
  const token = settings.optional("OPERATOR_TOKEN") ?? (await mintForLogin(settings));
  if (token !== undefined) return { url, token };
  throw new AppError(
    "CONFIG_INVALID",
    `OPERATOR_TOKEN is not set, and the services let nobody in without a token: ${HOW}`,
  );
}

/**
 * The name for the audit trail, for an act without a service. With TRUSTED_CALLERS_JWKS it is that of the token, which must be an
 * operator's; without, the login, in brackets as unverified. Throws CONFIG_INVALID if the token is missing or cannot be verified, and
 * MESSAGE_INVALID if it does not allow the act.
 */
export async function actorOf(settings: Settings): Promise<string> {
  const token = settings.optional("OPERATOR_TOKEN");
  const callers = settings.optional("TRUSTED_CALLERS_JWKS");
  if (token === undefined) {
    if (settings.optional("OPERATORS_PRIVATE_JWK") !== undefined) return login();
    if (callers === undefined) return `${login()} (login)`;
    throw new AppError(
      "CONFIG_INVALID",
      `OPERATOR_TOKEN is not set, and with TRUSTED_CALLERS_JWKS every act needs one: ${HOW}`,
    );
  }
  if (callers === undefined)
    throw new AppError(
      "CONFIG_INVALID",
      "TRUSTED_CALLERS_JWKS is not set, so OPERATOR_TOKEN cannot be verified: set it as for the services, or unset OPERATOR_TOKEN to act under your login",
    );
  return verifiedName(token, callers);
}

async function verifiedName(token: string, callers: string): Promise<string> {
  const tokens = new InternalTokens({ keys: await trustedKeys(callers), clock: systemClock });
  const actor = await tokens.verify(token).catch((error: unknown) => {
    if (!(error instanceof Denied)) throw error;
    throw new AppError("CONFIG_INVALID", `OPERATOR_TOKEN is refused: ${error.message}`, { cause: error });
  });
  const objection = objectionToActing(actor);
  if (objection !== null) throw new AppError("MESSAGE_INVALID", objection);
  return actor.name;
}

/** Undefined without the operators' key. */
async function mintForLogin(settings: Settings): Promise<string | undefined> {
  const jwk = settings.optional("OPERATORS_PRIVATE_JWK");
  if (jwk === undefined) return undefined;
  const key = await signingKey("OPERATORS_PRIVATE_JWK", jwk, "operators");
  const person = { name: login(), role: "operator", ttlSeconds: OWN_TOKEN_SECONDS } as const;
  return mintOperatorToken(key, { ...person, nowMs: systemClock.now() });
}

function login(): string {
  return callerNames().find(isPersonName) ?? "unknown";
}
