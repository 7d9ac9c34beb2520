// `checkoutctl dlq replay`: sends dead letters again, first one, then growing batches at a limited rate.
import { Option } from "@commander-js/extra-typings";
import { objectionToReplay } from "../../../internal/orchestrator/replay.ts";
import { planReplay, replay, type ReplayReport } from "../../../internal/operations/replay.ts";
import { durationOption, print, whenInterrupted } from "../command.ts";
import { Connections } from "../connections.ts";
import { EXIT } from "../exit.ts";
import { KafkaMailWatch } from "../mail-watch.ts";
import { loadSettings } from "../settings.ts";
import { handlingCommand, itemTable, rate, selectToHandle, share } from "./dlq-selection.ts";

export const replayCommand = handlingCommand(
  "replay",
  "send dead letters again: first one, then growing batches at a limited rate",
)
  .addOption(
    new Option("--rate <n/s>", "maximum message rate, per second (20/s) or minute (30/m)")
      .argParser(rate)
      .default(20, "20/s"),
  )
  .option("--max-error-rate <share>", "stop when more than this share fails again", share, 0.1)
  .addOption(durationOption("--wait <duration>", "how long to wait for the outcome of a message", "30s"))
  .addHelpText(
    "after",
    "\nDead letters that were replayed or discarded before are skipped, so the same command continues where it stopped.",
  )
  .action(async (given, options) => {
    await using connections = new Connections(loadSettings(options.stack));
    const actor = await connections.actor();
    const databases = await connections.databases();
    const records = await selectToHandle(connections, databases.saga, options, given ?? []);
    const clock = { now: () => Date.now() };
    const shared = { databases, clock, objection: objectionToReplay };
    if (options.dryRun) {
      const items = await planReplay(shared, records);
      const sends = items.filter(({ outcome }) => outcome === "send").length;
      return print(options, { dry_run: true, items }, () =>
        [itemTable(items), `would send ${sends} of ${items.length}`].join("\n\n"),
      );
    }
    using interrupted = whenInterrupted();
    const report = await replay(
      {
        ...shared,
        mails: new KafkaMailWatch(connections.kafka()),
        newId: () => Bun.randomUUIDv7(),
        actor,
        reason: options.reason,
        ratePerSecond: options.rate,
        maxErrorRate: options.maxErrorRate,
        waitMs: options.wait * 1_000,
        signal: interrupted.signal,
        onProgress: ({ sent, failed, left }) =>
          process.stderr.write(`${sent} sent, ${failed} failed again, ${left} left\n`),
      },
      records,
    );
    print(options, { dry_run: false, ...report }, () => asText(report));
    process.exitCode = exitCodeOf(report);
  });

function asText({ run_id, items, sent, failed, left, stopped }: ReplayReport): string {
  const again = "run the same command again to continue; replayed messages are skipped";
  const ends = {
    "error rate": `STOPPED: too many failed again, ${left} left. Find the cause first, then ${again}`,
    interrupted: `interrupted, ${left} left: ${again}`,
  };
  return [
    ...(items.length === 0 ? [] : [itemTable(items)]),
    `run ${run_id}: ${sent} sent, ${failed} failed again, ${items.length - sent} not sent`,
    ...(stopped === null ? [] : [ends[stopped]]),
  ].join("\n\n");
}

function exitCodeOf({ stopped, failed, items }: ReplayReport): number {
  if (stopped === "interrupted") return EXIT.interrupted;
  const isRefused = items.some(({ outcome }) => outcome === "refused");
  return stopped !== null || failed > 0 || isRefused ? EXIT.refused : EXIT.ok;
}
