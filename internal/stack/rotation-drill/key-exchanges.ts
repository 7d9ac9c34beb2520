// Keys: of the shoppers' tokens, of the tokens between roles and of operators, and those that seal payment methods.
import { SignJWT } from "jose";
import { signingKey } from "../../platform/caller-keys.ts";
import { mintOperatorToken } from "../../platform/internal-tokens.ts";
import { operatorToken } from "../operator-token.ts";
import type { Role } from "../role-env.ts";
import { waitUntil } from "../wait.ts";
import { newPassword, type Arena } from "./arena.ts";
import type { Exchange } from "./exchange.ts";

/** A gateway asks for the key set once a minute. */
const KEYS_KNOWN_FOR_MS = 75_000;
const TOKEN_SECONDS = 3_600;
/** Who believes internal tokens. */
const TRUSTING: readonly Role[] = ["orchestrator", "inventory", "payment", "order", "console"];
const REFUSED = "checkout_internal_requests_refused_total";
const KEYS = "checkout_token_keys";
const UNOPENED = "checkout_payment_tokens_unopened_total";

export const keyExchanges: readonly Exchange[] = [
  {
    name: "shopper-tokens",
    secret: "the identity provider's key (JWKS)",
    settings: ["JWT_JWKS_URL"],
    page: "Users",
    both: "until the old one leaves the set, and 60 s more",
    run: exchangeIssuerKey,
  },
  {
    name: "development-secret",
    secret: "JWT_HS256_SECRET (development)",
    settings: ["JWT_HS256_SECRET"],
    page: "Users",
    both: "not: shoppers sign in again",
    run: exchangeDevelopmentSecret,
  },
  {
    name: "sealing-keys",
    secret: "sealing keys",
    settings: ["PAYMENT_PRIVATE_JWK", "PAYMENT_PUBLIC_JWK"],
    page: "Sealing keys",
    both: "until the old one is removed from payment's set",
    run: exchangeSealingKeys,
  },
  {
    name: "internal-tokens",
    secret: "keys of gateway, notification and operators",
    settings: [
      "GATEWAY_PRIVATE_JWK",
      "NOTIFICATION_PRIVATE_JWK",
      "OPERATORS_PRIVATE_JWK",
      "OPERATOR_TOKEN",
      "TRUSTED_CALLERS_JWKS",
    ],
    page: "Who may call the services",
    both: "until the old ones are removed from the set",
    run: exchangeCallerKeys,
  },
];

async function exchangeIssuerKey(arena: Arena): Promise<void> {
  const { identityProvider: provider } = arena;
  const old = await provider.tokenOf(Bun.randomUUIDv7());
  const known = await arena.metric(KEYS, "gateway");
  await provider.publishKey();
  arena.step("the set has a second key");
  // Until then a gateway that asked for the set a moment ago does not ask again, and refuses a token of the new key.
  const expected = known + arena.processesOf("gateway").length;
  const isKnown = async () => (await arena.metric(KEYS, "gateway")) === expected;
  await waitUntil("every gateway knows it", isKnown, { timeoutMs: KEYS_KNOWN_FOR_MS, intervalMs: 500 });
  provider.signWithNewest();
  arena.step("it signs, as every gateway knows it");
  await arena.shoppers.untilMore(4);
  const status = await statusAt(arena.balancer.url, old);
  if (status !== 200) throw new Error(`a token of the old key got ${status} while both keys are published`);
  await arena.shoppers.untilEnded();
  provider.dropOldKeys();
  arena.step("the set has the new one only");
  await waitUntil("the old token is refused", async () => (await statusAt(arena.balancer.url, old)) === 401, {
    timeoutMs: KEYS_KNOWN_FOR_MS,
    intervalMs: 500,
  });
  await arena.shoppers.untilMore(2);
}

/** What the gateway at `url` answers to the token. */
async function statusAt(url: string, token: string): Promise<number> {
  const answer = await fetch(`${url}/api/v1/orders`, { headers: { authorization: `Bearer ${token}` } });
  await answer.arrayBuffer();
  return answer.status;
}

/** At a gateway beside the others, which know the provider's keys only. */
async function exchangeDevelopmentSecret(arena: Arena): Promise<void> {
  const statusWith = async (secret: string, token: string) => {
    const settings = { JWT_JWKS_URL: "", JWT_ISSUER: "", JWT_AUDIENCE: "", JWT_HS256_SECRET: secret };
    await using gateway = await arena.system.oneMore("gateway", settings);
    return await statusAt(gateway.address, token);
  };
  const [old, made] = [newPassword(), newPassword()];
  const token = await tokenOf(old);
  if ((await statusWith(old, token)) === 401)
    throw new Error("a token of the development secret does not count");
  arena.step("a further gateway, restarted with the new one");
  if ((await statusWith(made, token)) !== 401)
    throw new Error("a token of the old development secret still counts");
  if ((await statusWith(made, await tokenOf(made))) === 401) throw new Error("a new token does not count");
}

function tokenOf(secret: string): Promise<string> {
  return new SignJWT({})
    .setProtectedHeader({ alg: "HS256", typ: "JWT" })
    .setSubject(Bun.randomUUIDv7())
    .setIssuedAt()
    .setExpirationTime(`${TOKEN_SECONDS}s`)
    .sign(new TextEncoder().encode(secret));
}

async function exchangeSealingKeys(arena: Arena): Promise<void> {
  const PAYMENT_PRIVATE_JWK = arena.setting("payment", "PAYMENT_PRIVATE_JWK");
  const made = await arena.operator<Readonly<Record<"PAYMENT_PUBLIC_JWK" | "PAYMENT_PRIVATE_JWK", string>>>(
    ["keys", "rotate"],
    { PAYMENT_PRIVATE_JWK },
  );
  arena.step("keys rotate");
  // What is sealed with the old key waits until payment is back, with two keys.
  await arena.system.stack.find("payment").stop();
  const waiting = [arena.shoppers.buy(), arena.shoppers.buy(), arena.shoppers.buy()];
  await waitUntil(
    "they are accepted",
    () => arena.shoppers.all.slice(-3).every(({ sagaId }) => sagaId !== undefined),
    {
      timeoutMs: KEYS_KNOWN_FOR_MS,
    },
  );
  arena.change("payment", { PAYMENT_PRIVATE_JWK: made.PAYMENT_PRIVATE_JWK });
  await arena.restart("payment");
  arena.change("gateway", { PAYMENT_PUBLIC_JWK: made.PAYMENT_PUBLIC_JWK });
  await arena.restart("gateway");
  const faults = (await Promise.all(waiting)).flatMap(({ fault }) => fault ?? []);
  if (faults.length > 0) throw new Error(`sealed with the old key: ${faults.join("; ")}`);
  await arena.shoppers.untilEnded();
  await arena.expectNone(UNOPENED, "payment");
  const { kid }: { kid?: string } = JSON.parse(made.PAYMENT_PUBLIC_JWK);
  arena.change("payment", {
    PAYMENT_PRIVATE_JWK: onlyKey(made.PAYMENT_PRIVATE_JWK, (key) => key.kid === kid),
  });
  await arena.restart("payment");
  await arena.shoppers.untilMore(4);
  await arena.expectNone(UNOPENED, "payment");
}

interface Jwk {
  readonly kid?: string;
}

function keysOf(set: string): readonly Jwk[] {
  const { keys }: { keys: readonly Jwk[] } = JSON.parse(set);
  return keys;
}

function onlyKey(set: string, isKept: (key: Jwk) => boolean): string {
  const kept = keysOf(set).filter(isKept);
  if (kept.length !== 1) throw new Error(`${kept.length} keys of the set are the new one`);
  return JSON.stringify(kept[0]);
}

async function exchangeCallerKeys(arena: Arena): Promise<void> {
  const before = arena.setting("orchestrator", "TRUSTED_CALLERS_JWKS");
  const old = new Set(keysOf(before).map(({ kid }) => kid));
  let trusted = before;
  const made: Record<string, string> = {};
  for (const kind of ["service", "reader", "operators"]) {
    const keys = await arena.operator<Readonly<Record<string, string>>>(["keys", "caller", "--kind", kind], {
      TRUSTED_CALLERS_JWKS: trusted,
    });
    Object.assign(made, keys);
    trusted = keys["TRUSTED_CALLERS_JWKS"] ?? "";
  }
  arena.step("keys caller for each kind");
  await trust(arena, trusted);
  const { GATEWAY_PRIVATE_JWK = "", NOTIFICATION_PRIVATE_JWK = "", OPERATORS_PRIVATE_JWK = "" } = made;
  arena.change("gateway", { GATEWAY_PRIVATE_JWK });
  arena.change("notification", { NOTIFICATION_PRIVATE_JWK });
  await arena.restart("gateway", "notification");
  // The old operator's token still counts, and the new one.
  await arena.operator(["catalogue", "ls"]);
  const key = await signingKey("OPERATORS_PRIVATE_JWK", OPERATORS_PRIVATE_JWK, "operators");
  const OPERATOR_TOKEN = await mintOperatorToken(key, {
    name: "ada",
    role: "operator",
    ttlSeconds: TOKEN_SECONDS,
    nowMs: Date.now(),
  });
  const retired = await operatorToken(arena.system.context.secrets, "ada");
  Object.assign(arena.system.operatorChanges, { OPERATORS_PRIVATE_JWK, OPERATOR_TOKEN });
  arena.step("a new token for the operator");
  await arena.operator(["catalogue", "ls"]);
  await arena.expectNone(REFUSED, "orchestrator", "inventory", "payment", "order");
  await trust(arena, JSON.stringify({ keys: keysOf(trusted).filter(({ kid }) => !old.has(kid)) }));
  await arena.shoppers.untilMore(4);
  await arena.operator(["catalogue", "ls"]);
  await arena.expectNone(REFUSED, "orchestrator", "inventory", "payment", "order");
  const answer = await arena.system.checkoutctlWith({ OPERATOR_TOKEN: retired }, ["catalogue", "ls"]);
  if (answer.code === 0) throw new Error("a token of the old operators' key still counts");
}

async function trust(arena: Arena, TRUSTED_CALLERS_JWKS: string): Promise<void> {
  for (const role of TRUSTING) arena.change(role, { TRUSTED_CALLERS_JWKS });
  arena.system.operatorChanges["TRUSTED_CALLERS_JWKS"] = TRUSTED_CALLERS_JWKS;
  await arena.restart(...TRUSTING);
}
