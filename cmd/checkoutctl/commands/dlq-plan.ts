// `checkoutctl dlq plan`: freezes what a replay or a discard would do. `checkoutctl run start` does it.
import { Option } from "@commander-js/extra-typings";
import { PLAN_DEFAULTS } from "../../../internal/operations/plan-defaults.ts";
import { allItemsOf, createPlan } from "../../../internal/operations/plans.ts";
import { bulkContext, operatorOf, runItemTable, runText, startLine } from "../bulk.ts";
import { command, durationOption, print } from "../command.ts";
import { Connections } from "../connections.ts";
import { loadSettings } from "../settings.ts";
import { filters, filterToHandle, rate, share, uuids } from "./dlq-selection.ts";

/** Items printed; `run show --items` prints all. */
const SHOWN = 20;
const { "dead-letter.replay": REPLAY, "dead-letter.discard": DISCARD } = PLAN_DEFAULTS;

export const planCommand = command(
  "plan",
  "freeze what a replay would do, one decision per dead letter; `run start` does it",
)
  .argument("[dead-letter-id...]", "only these dead letters", uuids)
  .addOption(filters.service)
  .addOption(filters.topic)
  .addOption(filters.type)
  .addOption(filters.code)
  .addOption(filters.error)
  .addOption(filters.saga)
  .addOption(filters.since)
  .addOption(filters.until)
  .option("--everything", "every open dead letter")
  .option("--discard", "plan to discard them for good")
  .option("--quarantined", "replay this one quarantined message, selected by its id")
  .addOption(
    new Option(
      "--rate <n/s>",
      `maximum message rate, per second (20/s) or minute (30/m) (default: ${REPLAY.ratePerSecond}/s; to discard ${DISCARD.ratePerSecond}/s)`,
    ).argParser(rate),
  )
  .option(
    "--max-error-rate <share>",
    "pause the run when more than this share fails again",
    share,
    REPLAY.maxErrorRate,
  )
  .addOption(
    durationOption(
      "--wait <duration>",
      "how long to wait for the outcome of a message",
      `${REPLAY.waitMs / 1_000}s`,
    ),
  )
  .addHelpText("after", "\nA plan expires after 15 minutes. Nothing is sent before it is started.")
  .action(async (given, options) => {
    const filter = filterToHandle(options, given ?? []);
    await using connections = new Connections(loadSettings(options.stack));
    const context = await bulkContext(connections);
    const plan = await createPlan(context, await operatorOf(connections), {
      kind: options.discard === true ? "dead-letter.discard" : "dead-letter.replay",
      filter,
      everything: options.everything,
      allowsQuarantined: options.quarantined,
      ratePerSecond: options.rate ?? (options.discard === true ? DISCARD : REPLAY).ratePerSecond,
      maxErrorRate: options.maxErrorRate,
      waitMs: options.wait * 1_000,
    });
    const items = await allItemsOf(context, plan.plan_id);
    const start = startLine(plan, items[0]?.subject);
    print(options, { ...plan, items, start }, () =>
      [
        runText(plan),
        runItemTable(items.slice(0, SHOWN)),
        ...(items.length > SHOWN
          ? [`and ${items.length - SHOWN} more: checkoutctl run show ${plan.plan_id} --items`]
          : []),
        `Start it: ${start}`,
      ].join("\n\n"),
    );
  });
