// `checkoutctl shopper`: what a shopper may request from an operator.
import { countText, plural } from "../../../internal/kernel/counted.ts";
import { eraseShopper } from "../../../internal/operations/erase.ts";
import { group, instant, operatorCommand, print, uuid } from "../command.ts";
import { Connections } from "../connections.ts";
import { loadSettings } from "../settings.ts";

const erase = operatorCommand(
  "erase",
  "erase a shopper's e-mail, postal addresses and card digits; amounts and items stay",
)
  .argument("<user-id>", "the shopper's id, as `saga show` prints it", uuid)
  .action(async (userId, options) => {
    const { reason } = options;
    await using connections = new Connections(loadSettings(options.stack));
    const actor = await connections.actor();
    const saga = await connections.database("saga");
    const inventory = await connections.database("inventory");
    const payment = await connections.database("payment");
    const order = await connections.database("order");
    const notification = await connections.database("notification");
    const newId = () => Bun.randomUUIDv7();
    const erased = await eraseShopper(
      { saga, inventory, payment, order, notification, newId, now: Date.now(), actor, reason },
      userId,
    );
    print(options, erased, () =>
      [
        `erased ${countText(erased.sagas)} of ${plural(erased.checkouts, "checkout")}, ${plural(erased.orders, "order")}, ${plural(erased.messages, "message")} in the outbox`,
        `Kafka keeps its copies until ${instant(erased.gone_from_topics_at)}, dead letters until ${instant(erased.gone_from_dead_letters_at)} at the latest`,
      ].join("\n"),
    );
  });

export const shopperCommand = group("shopper", "requests from shoppers").addCommand(erase);
