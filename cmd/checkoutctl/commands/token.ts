// `checkoutctl token`: a shopper's token for trying things out by hand.
import { mintToken } from "../../../internal/operations/token.ts";
import { command, duration, print, uuid } from "../command.ts";
import { loadSettings } from "../settings.ts";

export const tokenCommand = command("token", "mint a development token (HS256) for a shopper")
  .option("--user <uuid>", "the shopper's id; a new one where none is given", uuid)
  .option(
    "--secret <text>",
    "the gateway's JWT_HS256_SECRET; from the environment or the stack where not given",
  )
  .option("--ttl <duration>", "how long it is valid, for example 15m or 8h", duration, 8 * 3_600)
  .action(async (options) => {
    const secret = options.secret ?? loadSettings(options.stack).need("JWT_HS256_SECRET");
    const minted = await mintToken(options.user ?? Bun.randomUUIDv7(), secret, options.ttl, Date.now());
    print(options, minted, () => minted.token);
  });
