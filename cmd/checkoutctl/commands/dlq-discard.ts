// `checkoutctl dlq discard`: discards dead letters for good.
import { discard } from "../../../internal/operations/discard.ts";
import { print } from "../command.ts";
import { Connections } from "../connections.ts";
import { loadSettings } from "../settings.ts";
import { handlingCommand, itemTable, selectToHandle } from "./dlq-selection.ts";

export const discardCommand = handlingCommand("discard", "discard dead letters for good").action(
  async (given, options) => {
    const { reason, dryRun = false } = options;
    await using connections = new Connections(loadSettings(options.stack));
    const actor = await connections.actor();
    const sql = await connections.database("saga");
    const records = await selectToHandle(connections, sql, options, given ?? []);
    const newId = () => Bun.randomUUIDv7();
    const items = await discard({ sql, newId, now: Date.now(), actor, reason, dryRun }, records);
    print(options, { dry_run: dryRun, items }, () => {
      const count = items.filter(({ outcome }) => outcome === "discarded").length;
      const verb = dryRun ? "would discard" : "discarded";
      return [itemTable(items), `${verb} ${count} of ${items.length}`].join("\n\n");
    });
  },
);
