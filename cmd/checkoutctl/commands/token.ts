// `checkoutctl token`: mints a shopper's token for manual tests.
import { mintToken } from "../../../internal/operations/token.ts";
import { command, duration, print, uuid } from "../command.ts";
import { loadSettings } from "../settings.ts";

export const tokenCommand = command("token", "mint a development token (HS256) for a shopper")
  .option("--user <uuid>", "the shopper's id (default: a new one)", uuid)
  .option("--secret <text>", "the gateway's JWT_HS256_SECRET (default: from the environment or the stack)")
  .option("--ttl <duration>", "how long the token is valid, for example 15m or 8h", duration, 8 * 3_600)
  .action(async (options) => {
    const secret = options.secret ?? loadSettings(options.stack).need("JWT_HS256_SECRET");
    const minted = await mintToken(options.user ?? Bun.randomUUIDv7(), secret, options.ttl, Date.now());
    print(options, minted, () => minted.token);
  });
