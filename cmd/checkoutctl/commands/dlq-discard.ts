// `checkoutctl dlq discard`: dead letters are given up for good.
import { handlingsOf } from "../../../internal/operations/dead-letter-store.ts";
import { isOpen } from "../../../internal/operations/dead-letters.ts";
import { discard } from "../../../internal/operations/discard.ts";
import { operatorCommand, print, table } from "../command.ts";
import { Connections } from "../connections.ts";
import { loadSettings } from "../settings.ts";
import { describeItems, filters, selectToHandle, uuids } from "./dlq-selection.ts";

export const discardCommand = operatorCommand("discard", "give dead letters up for good")
  .argument("[dead-letter-id...]", "only these", uuids)
  .addOption(filters.service)
  .addOption(filters.topic)
  .addOption(filters.type)
  .addOption(filters.code)
  .addOption(filters.error)
  .addOption(filters.saga)
  .addOption(filters.since)
  .addOption(filters.until)
  .option("--everything", "every open dead letter")
  .option("--dry-run", "only say what would be done")
  .action(async (given, options) => {
    const ids = given ?? [];
    const { actor, reason, dryRun = false } = options;
    await using connections = new Connections(loadSettings(options.stack));
    const sql = await connections.database("saga");
    const selected = await selectToHandle(connections, options, ids);
    const handlings = await handlingsOf(
      sql,
      selected.map(({ dead_letter_id }) => dead_letter_id),
    );
    const records =
      ids.length > 0
        ? selected
        : selected.filter(({ dead_letter_id }) => isOpen(handlings.get(dead_letter_id)));
    const newId = () => Bun.randomUUIDv7();
    const items = await discard({ sql, newId, now: Date.now(), actor, reason, dryRun }, records);
    print(options, { dry_run: dryRun, items }, () => {
      const count = items.filter(({ outcome }) => outcome === "discarded").length;
      const verb = dryRun ? "would discard" : "discarded";
      return [
        table(["DEAD LETTER", "SAGA", "MESSAGE", "OUTCOME", "WHY"], describeItems(items)),
        `${verb} ${count} of ${items.length}`,
      ].join("\n\n");
    });
  });
