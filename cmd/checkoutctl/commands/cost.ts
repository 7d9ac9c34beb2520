// `checkoutctl cost`: what an order costs in CPU, memory and storage, measured while orders come in.
import { InvalidArgumentError } from "@commander-js/extra-typings";
import { plural } from "../../../internal/kernel/counted.ts";
import { type CostFacts, costOf, type Prices } from "../../../internal/operations/cost.ts";
import { checkoutsKept, completedBetween } from "../../../internal/operations/cost-store.ts";
import { clockOf } from "../../../internal/operations/clock-store.ts";
import { databaseBytes } from "../../../internal/operations/doctor-store.ts";
import { inBytes } from "../../../internal/operations/doctor-verdicts.ts";
import {
  collectTopicsAndRoles,
  stateOfRole,
  type TopicsAndRoles,
} from "../../../internal/operations/overview.ts";
import { openAdmin } from "../../../internal/platform/kafka/admin.ts";
import { readTopic } from "../../../internal/platform/kafka/read-topic.ts";
import type { CostReport } from "../../../schemas/cost.ts";
import { MIGRATED_DATABASES } from "../../../schemas/migrations.ts";
import { TOPIC_RETENTION_MS, TOPICS } from "../../../schemas/topics.ts";
import { command, durationOption, print, table } from "../command.ts";
import { EXIT, exitNow } from "../exit.ts";
import { OpenSources } from "../overview-sources.ts";
import { loadSettings } from "../settings.ts";

const DAY_MS = 86_400_000;
/** Messages at the end of each partition whose size is measured. */
const SAMPLE = 20;
const NOT_MEASURED = [
  "CPU and memory of Postgres, Kafka and Redis: they have no OPS_URLS. docs/performance.md has them for one machine",
  "traffic, backups, copies of databases, and what the payment provider takes",
];

const HELP = `
Run it under load: it looks twice, --window apart, and divides what the processes of OPS_URLS spent by the checkouts that completed. Prices
are yours, in any currency; there is no default, and without one it prints amounts only. Example with made-up prices:
checkoutctl cost --window 5m --cpu-hour 0.04 --memory-gib-hour 0.005 --gib-month 0.10
The row of 10,000 orders a minute is an extrapolation: linear in CPU and storage, with the same memory. CPU per order falls as batches
grow, so measure near the load that you want to know about.`;

export const costCommand = command(
  "cost",
  "what an order costs in CPU, memory and storage, measured under load",
)
  .addOption(durationOption("--window <duration>", "how long to measure", "60s"))
  .option("--cpu-hour <price>", "price of one core for an hour", price)
  .option("--memory-gib-hour <price>", "price of one GiB of memory for an hour", price)
  .option("--gib-month <price>", "price of one GiB of disk for a month", price)
  .addHelpText("after", HELP)
  .action(async (options) => {
    const open = new OpenSources(loadSettings(options.stack));
    const { cpuHour, memoryGibHour, gibMonth } = options;
    const prices: Prices = { cpuHour, memoryGibHour, gibMonth };
    const report = costOf(await measure(open, options.window * 1_000), prices);
    print(options, report, () => asText(report));
    await exitNow(EXIT.ok);
  });

/** Throws if a database or Kafka does not answer: without them there is nothing to divide. */
async function measure(open: OpenSources, windowMs: number): Promise<CostFacts> {
  const saga = open.database("saga").sql;
  // The times of the database, which wrote those of the checkouts.
  const from = await clockOf(saga);
  const before = await collectTopicsAndRoles(open.sources);
  await Bun.sleep(windowMs);
  const after = await collectTopicsAndRoles(open.sources, before);
  const to = await clockOf(saga);
  const databases = await Promise.all(
    MIGRATED_DATABASES.map(async (database) => ({
      database,
      bytes: await databaseBytes(open.database(database).sql),
    })),
  );
  return {
    windowSeconds: (to - from) / 1_000,
    orders: await completedBetween(saga, from, to),
    processes: processesOf(before, after),
    databases,
    checkoutsKept: await checkoutsKept(saga),
    messages: await messagesOf(open, before, after),
    retentionDays: TOPIC_RETENTION_MS / DAY_MS,
    notMeasured: NOT_MEASURED,
  };
}

function processesOf(before: TopicsAndRoles, after: TopicsAndRoles): CostFacts["processes"] {
  return after.roles.map(({ name, address, state }) => {
    const earlier = stateOfRole(before, { name, address });
    const [first, last] = [cpuOf(earlier), cpuOf(state)];
    // A restarted process begins at 0.
    const cpuSeconds = first === null || last === null || last < first ? null : last - first;
    return { name, cpuSeconds, memoryBytes: "value" in state ? state.value.memory_bytes : null };
  });
}

function cpuOf(state: TopicsAndRoles["roles"][number]["state"] | undefined): number | null {
  return state !== undefined && "value" in state ? state.value.cpu_seconds : null;
}

async function messagesOf(
  open: OpenSources,
  before: TopicsAndRoles,
  after: TopicsAndRoles,
): Promise<CostFacts["messages"]> {
  const end = ({ topics }: TopicsAndRoles) =>
    "value" in topics ? topics.value.reduce((sum, one) => sum + one.end, 0) : null;
  const [first, last] = [end(before), end(after)];
  if (first === null || last === null) return null;
  await using admin = await openAdmin(open.kafka());
  const [described] = await admin.describeTopics([TOPICS.commands]);
  const copies = described?.partitions[0]?.replicas.length ?? 1;
  return { inWindow: last - first, bytes: await meanBytes(open), copies };
}

/** Of the newest messages of the topics that every order uses. */
async function meanBytes(open: OpenSources): Promise<number> {
  let [messages, bytes] = [0, 0];
  const from = (_: number, { high }: { readonly high: number }) => high - SAMPLE;
  for (const topic of Object.values(TOPICS).filter((one) => one !== TOPICS.deadLetters))
    for await (const batch of readTopic({ ...open.kafka(), topic, from }))
      for (const index of batch.values.keys()) {
        const { key, value, headers } = batch.raw(index);
        messages += 1;
        bytes += (key?.length ?? 0) + (value?.length ?? 0);
        for (const [name, header] of headers) bytes += name.length + header.length;
      }
  return messages === 0 ? 0 : bytes / messages;
}

function asText(report: CostReport): string {
  const { orders, window_seconds, processes, cpu_ms_per_order, memory_bytes, databases, checkouts_kept } =
    report;
  const of = (value: number | null, digits: number) => (value === null ? null : value.toFixed(digits));
  return [
    `${plural(orders, "order")} completed in ${window_seconds.toFixed(0)} s`,
    table(
      ["PROCESS", "CPU MS PER ORDER", "CORES", "MEMORY"],
      [
        ...processes.map((one) => [
          one.name,
          of(one.cpu_ms_per_order, 2),
          of(one.cores, 3),
          one.memory_bytes === null ? null : inBytes(one.memory_bytes),
        ]),
        ["all of these", of(cpu_ms_per_order, 2), null, memory_bytes === null ? null : inBytes(memory_bytes)],
      ],
    ),
    table(
      ["DATABASE", "SIZE"],
      databases.map(({ database, bytes }) => [database, inBytes(bytes)]),
    ),
    `${report.checkouts_are_estimated ? "about " : ""}${plural(checkouts_kept, "checkout is", "checkouts are")} kept: ${report.database_bytes_per_checkout === null ? "too few to tell their size from that of empty databases" : `${inBytes(report.database_bytes_per_checkout)} each`}\n` +
      (report.messages_per_order === null || report.kafka_bytes_per_order === null
        ? "messages per order: not measured"
        : `${report.messages_per_order.toFixed(1)} messages per order, ${inBytes(report.kafka_bytes_per_order)} in Kafka, all copies, before compression`),
    table(
      [
        "ORDERS PER MINUTE",
        "CORES",
        "DATABASE GIB PER MONTH",
        "KAFKA GIB",
        "PRICE PER MONTH",
        "PRICE PER ORDER",
      ],
      report.at_rate.map((at) => [
        `${Math.round(at.orders_per_minute)}${at.is_extrapolated ? " (extrapolated)" : ""}`,
        of(at.cores, 2),
        of(at.database_gib_per_month, 1),
        of(at.kafka_gib, 1),
        of(at.price_per_month, 2),
        of(at.price_per_order, 6),
      ]),
    ),
    orders === 0
      ? "nothing to extrapolate from: no order completed"
      : `extrapolated: linear from ${Math.round((orders * 60) / window_seconds)} orders a minute; CPU per order falls as batches grow`,
    report.not_measured.map((what) => `not measured: ${what}`).join("\n"),
  ].join("\n\n");
}

function price(text: string): number {
  const value = Number(text);
  if (!/^\d+(\.\d+)?$/.test(text) || !Number.isFinite(value))
    throw new InvalidArgumentError("It must be a number such as 0.04.");
  return value;
}
