// `checkoutctl token`: mints a shopper's token for manual tests, or the token of an operator.
import { Option } from "@commander-js/extra-typings";
import { mintToken } from "../../../internal/operations/token.ts";
import { signingKey } from "../../../internal/platform/caller-keys.ts";
import {
  isPersonName,
  MAX_OPERATOR_SECONDS,
  mintOperatorToken,
  OPERATOR_ROLES,
} from "../../../internal/platform/internal-tokens.ts";
import { command, durationOption, instant, print, uuid, wrongUsage } from "../command.ts";
import { loadSettings } from "../settings.ts";

export const tokenCommand = command(
  "token",
  "mint a development token (HS256, signed with JWT_HS256_SECRET) for a shopper, a new one each time or the same one again with --user; or with --operator the token of a person who operates",
)
  .option("--user <uuid>", "the shopper's id (default: a new shopper, who has no orders yet)", uuid)
  .option(
    "--operator <name>",
    "instead: a token of this person for OPERATOR_TOKEN; signed with OPERATORS_PRIVATE_JWK",
  )
  .addOption(
    new Option("--role <role>", "with --operator: a viewer may only read")
      .choices(OPERATOR_ROLES)
      .default("operator" as const),
  )
  .addOption(durationOption("--ttl <duration>", "how long the token is valid, for example 15m or 8h", "8h"))
  .action(async ({ operator, role, ttl, ...options }) => {
    if (operator !== undefined) {
      if (options.user !== undefined) wrongUsage("--user is for shoppers: leave it out with --operator");
      return printOperatorToken({ name: operator, role, ttl }, options);
    }
    const secret = loadSettings(options.stack).need("JWT_HS256_SECRET");
    const minted = await mintToken(options.user ?? Bun.randomUUIDv7(), secret, ttl, Date.now());
    print(options, minted, () => minted.token);
    if (options.user === undefined)
      process.stderr.write(
        `checkoutctl: this is a new shopper; the same one again: checkoutctl token --user ${minted.user_id}\n`,
      );
  });

interface Person {
  readonly name: string;
  readonly role: (typeof OPERATOR_ROLES)[number];
  readonly ttl: number;
}

async function printOperatorToken(
  { name, role, ttl: ttlSeconds }: Person,
  options: { readonly json?: true | undefined; readonly stack?: string | true | undefined },
): Promise<void> {
  if (!isPersonName(name))
    wrongUsage(
      "--operator is the name of a person: 1 to 100 characters, without brackets, and not `shopper`",
    );
  if (ttlSeconds > MAX_OPERATOR_SECONDS) wrongUsage("--ttl of an operator is at most 24h");
  const jwk = loadSettings(options.stack).need("OPERATORS_PRIVATE_JWK");
  const key = await signingKey("OPERATORS_PRIVATE_JWK", jwk, "operators");
  const nowMs = Date.now();
  const token = await mintOperatorToken(key, { name, role, ttlSeconds, nowMs });
  print(options, { token, name, role, expires_at: instant(nowMs + ttlSeconds * 1_000) }, () => token);
}
