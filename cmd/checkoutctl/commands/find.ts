// `checkoutctl find ID`: says what an id of any kind belongs to.
import { findAnything } from "../../../internal/operations/find-anything.ts";
import { AppError } from "../../../internal/kernel/errors.ts";
import { readDeadLetters } from "../bulk.ts";
import { command, print, table, tellMissing } from "../command.ts";
import { Connections } from "../connections.ts";
import { loadSettings } from "../settings.ts";

export const findCommand = command(
  "find",
  "find what an id belongs to: paste any id, key, SKU or address with one",
)
  .argument(
    "<id>",
    "of a saga, order, payment, refund, reservation, message, dead letter, run or shopper, an order number, a provider's id, a SKU, an Idempotency-Key",
  )
  .option("--dead-letters", "look through the topic of the dead letters, too, which takes longer")
  .action(async (text, options) => {
    await using connections = new Connections(loadSettings(options.stack));
    const found = await findAnything(
      connections.opening(),
      text,
      options.deadLetters === true ? () => readDeadLetters(connections) : undefined,
    );
    tellMissing(found.missing);
    if (found.hits.length === 0 && found.missing.length > 0)
      throw new AppError(
        "DATABASE_UNAVAILABLE",
        "nothing was found in the databases that answer; the others are named above",
      );
    print(options, found, () =>
      found.hits.length === 0
        ? `nothing found; it may be a dead letter that nobody handled (--dead-letters), or older than the database`
        : table(
            ["KIND", "ID", "SAGA", "WHAT"],
            found.hits.map(({ kind, id, saga_id, what }) => [kind, id, saga_id, what]),
          ),
    );
  });
