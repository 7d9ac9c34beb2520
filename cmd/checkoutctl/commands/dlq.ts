// `checkoutctl dlq`: messages that could not be processed and wait for an operator. Every other command has its own file.
import { handlingsOf } from "../../../internal/operations/dead-letter-store.ts";
import { listDeadLetters, typeOf } from "../../../internal/operations/dead-letters.ts";
import { isQuarantined } from "../../../internal/operations/plan.ts";
import { failedReplays } from "../../../internal/operations/plan-store.ts";
import { describeNone, isFiltered } from "../../../internal/operations/select-dead-letters.ts";
import { readDeadLetters } from "../bulk.ts";
import { command, count, group, print, table } from "../command.ts";
import { Connections } from "../connections.ts";
import { loadSettings } from "../settings.ts";
import { discardCommand } from "./dlq-discard.ts";
import { replayCommand } from "./dlq-replay.ts";
import { planCommand } from "./dlq-plan.ts";
import { filterOf, filters } from "./dlq-selection.ts";
import { showCommand } from "./dlq-show.ts";

const ls = command("ls", "list dead letters by cause and one by one, newest first")
  .addOption(filters.service)
  .addOption(filters.topic)
  .addOption(filters.type)
  .addOption(filters.code)
  .addOption(filters.error)
  .addOption(filters.saga)
  .addOption(filters.since)
  .addOption(filters.until)
  .option("--all", "include dead letters that were replayed or discarded")
  .option("--limit <count>", "maximum number listed one by one", count, 20)
  .action(async (options) => {
    await using connections = new Connections(loadSettings(options.stack));
    const saga = await connections.database("saga");
    const { all = false, limit } = options;
    const { matched, ...found } = await listDeadLetters(readDeadLetters(connections), filterOf(options), {
      all,
      limit,
      handlings: (ids) => handlingsOf(saga, ids),
      replays: (ids) => failedReplays(saga, ids),
    });
    // On stderr: an empty list is a valid result for stdout.
    if (matched === 0 && isFiltered(filterOf(options)))
      process.stderr.write(`${await describeNone(() => readDeadLetters(connections))}\n`);
    print(options, found, () => {
      if (found.total === 0) return all ? "no dead letters" : "no open dead letters";
      const causes = table(
        ["COUNT", "SERVICE", "MESSAGE", "CODE", "OLDEST", "NEWEST"],
        found.causes.map((one) => [one.count, one.service, one.type, one.error_code, one.oldest, one.newest]),
      );
      const entries = table(
        [
          "DEAD LETTER",
          "FAILED AT",
          "SAGA",
          "SERVICE",
          "MESSAGE",
          "RETRIES",
          "REPLAYS",
          "ERROR",
          ...(all ? ["HANDLING"] : []),
        ],
        found.entries.map((one) => [
          one.dead_letter_id,
          one.last_failure_at,
          one.saga_id,
          one.service,
          typeOf(one),
          one.retry_count,
          isQuarantined(one.replays) ? `${one.replays}, quarantined` : one.replays,
          `${one.error_code}: ${one.error_message}`,
          ...(all ? [one.handling] : []),
        ]),
      );
      const rest = found.total - found.entries.length;
      return [causes, entries, ...(rest > 0 ? [`and ${rest} more: raise --limit`] : [])].join("\n\n");
    });
  });

export const dlqCommand = group("dlq", "dead letters")
  .addCommand(ls)
  .addCommand(showCommand)
  .addCommand(planCommand)
  .addCommand(replayCommand)
  .addCommand(discardCommand);
