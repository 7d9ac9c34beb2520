// `checkoutctl dlq`: what could not be handled and waits for a person.
import { readDeadLetters, typeOf } from "../../../internal/operations/dead-letters.ts";
import { readTopic } from "../../../internal/platform/kafka/read-topic.ts";
import { TOPICS } from "../../../schemas/topics.ts";
import { command, count, group, print, table, uuid } from "../command.ts";
import { Connections } from "../connections.ts";
import { loadSettings } from "../settings.ts";

const ls = command("ls", "list dead letters by cause and one by one, newest first")
  .option("--service <name>", "only those this service gave up")
  .option("--code <error>", "only those with this error code")
  .option("--saga <uuid>", "only this saga's", uuid)
  .option("--limit <count>", "list at most so many one by one", count, 20)
  .action(async (options) => {
    await using connections = new Connections(loadSettings(options.stack));
    const filter = { service: options.service, error_code: options.code, saga_id: options.saga };
    const batches = readTopic({ ...connections.kafka(), topic: TOPICS.deadLetters });
    const found = await readDeadLetters(batches, filter, options.limit);
    print(options, found, () => {
      if (found.total === 0) return "no dead letters";
      const causes = table(
        ["COUNT", "SERVICE", "MESSAGE", "CODE", "OLDEST", "NEWEST"],
        found.causes.map((one) => [one.count, one.service, one.type, one.error_code, one.oldest, one.newest]),
      );
      const entries = table(
        ["FAILED AT", "SAGA", "SERVICE", "MESSAGE", "RETRIES", "ERROR"],
        found.entries.map((one) => [
          one.last_failure_at,
          one.saga_id,
          one.service,
          typeOf(one),
          one.retry_count,
          `${one.error_code}: ${one.error_message}`,
        ]),
      );
      const rest = found.total - found.entries.length;
      return [causes, entries, ...(rest > 0 ? [`and ${rest} more: raise --limit`] : [])].join("\n\n");
    });
  });

export const dlqCommand = group("dlq", "dead letters").addCommand(ls);
