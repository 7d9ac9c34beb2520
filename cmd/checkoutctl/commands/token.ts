// `checkoutctl token`: mints a shopper's token for manual tests.
import { mintToken } from "../../../internal/operations/token.ts";
import { command, durationOption, print, uuid } from "../command.ts";
import { loadSettings } from "../settings.ts";

export const tokenCommand = command(
  "token",
  "mint a development token (HS256) for a shopper: a new one each time, or the same one again with --user",
)
  .option("--user <uuid>", "the shopper's id (default: a new shopper, who has no orders yet)", uuid)
  .option("--secret <text>", "the gateway's JWT_HS256_SECRET (default: from the environment or the stack)")
  .addOption(durationOption("--ttl <duration>", "how long the token is valid, for example 15m or 8h", "8h"))
  .action(async (options) => {
    const secret = options.secret ?? loadSettings(options.stack).need("JWT_HS256_SECRET");
    const minted = await mintToken(options.user ?? Bun.randomUUIDv7(), secret, options.ttl, Date.now());
    print(options, minted, () => minted.token);
    if (options.user === undefined)
      process.stderr.write(
        `checkoutctl: this is a new shopper; the same one again: checkoutctl token --user ${minted.user_id}\n`,
      );
  });
