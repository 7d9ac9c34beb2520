// `checkoutctl topics lag`: how far each member of each group is in its partitions, and which one is stuck. Joins no group and moves no offset.
import { InvalidArgumentError } from "@commander-js/extra-typings";
import type { GroupState, TopicReading } from "../../../schemas/overview.ts";
import { SUBSCRIPTIONS, TOPICS } from "../../../schemas/topics.ts";
import {
  byGroupAndPartition,
  memberName,
  type ReaderRow,
  readerRows,
} from "../../../internal/operations/topic-readers.ts";
import { TopicStates } from "../../../internal/platform/kafka/topic-states.ts";
import { command, count, print, table } from "../command.ts";
import { Connections } from "../connections.ts";
import { loadSettings } from "../settings.ts";

const READ: readonly string[] = Object.values(SUBSCRIPTIONS).flat();
const DEFAULT_SECONDS = 3;

interface LagLine extends ReaderRow {
  readonly topic: string;
  /** Messages wait, and nothing was committed between the two looks. */
  readonly stuck: boolean;
}

interface LagReport {
  /** Between the two looks. */
  readonly seconds: number;
  readonly groups: readonly (GroupState & { readonly topic: string })[];
  readonly lines: readonly LagLine[];
}

export const topicsLag = command(
  "lag",
  "how far each member of each group is in its partitions, read twice, and which is stuck",
)
  .argument("[topic]", `only this one of ${[...new Set(READ)].join(", ")}`, topicRead)
  .option("--seconds <count>", "the pause between the two looks", count, DEFAULT_SECONDS)
  .option("--all", "also partitions without messages that wait")
  .action(async (topic, options) => {
    await using connections = new Connections(loadSettings(options.stack));
    const topics = topic === undefined ? Object.values(TOPICS).filter((one) => READ.includes(one)) : [topic];
    await using states = new TopicStates(connections.kafka(), topics, SUBSCRIPTIONS);
    const look = () => Promise.all(topics.map(async (one) => [one, await states.readingOf(one)] as const));
    await look();
    const lookedAt = Date.now();
    await Bun.sleep(options.seconds * 1_000);
    const report = reportOf(await look(), { seconds: options.seconds, lookedAt });
    print(options, report, () => textOf(report, options.all === true));
  });

function topicRead(name: string): string {
  if (!READ.includes(name))
    throw new InvalidArgumentError(`It must be one of ${[...new Set(READ)].join(", ")}.`);
  return name;
}

/** Pure. `lookedAt`: when the first look was over, in epoch ms. */
export function reportOf(
  readings: readonly (readonly [topic: string, reading: TopicReading])[],
  { seconds, lookedAt }: { readonly seconds: number; readonly lookedAt: number },
): LagReport {
  const lines = readings.flatMap(([topic, reading]) =>
    readerRows(reading).map((one) => ({
      ...one,
      topic,
      stuck: one.unmoved_since !== null && one.unmoved_since <= lookedAt,
    })),
  );
  return {
    seconds,
    groups: readings.flatMap(([topic, { groups }]) => groups.map((one) => ({ ...one, topic }))),
    lines: lines.toSorted(byGroupAndPartition),
  };
}

/** Pure. */
export function textOf({ seconds, groups, lines }: LagReport, all: boolean): string {
  const shown = lines.filter(({ lag }) => all || lag > 0);
  const states = new Map(groups.map((one) => [`${one.group} ${one.topic}`, one]));
  const rows = shown.map((line) => [
    line.group,
    line.topic,
    line.partition,
    line.committed ?? "nothing",
    line.end,
    line.lag,
    memberText(line, states.get(`${line.group} ${line.topic}`)),
    line.member?.host ?? null,
    line.lag === 0 ? "has read everything" : line.stuck ? `STUCK for ${seconds} s or longer` : "not stuck",
  ]);
  const unknown = groups.filter((one) => one.unknown !== null);
  return [
    rows.length === 0
      ? "every group has read everything"
      : table(["GROUP", "TOPIC", "PARTITION", "COMMITTED", "END", "LAG", "MEMBER", "HOST", "PROGRESS"], rows),
    ...unknown.map(
      ({ group, topic, unknown: why }) => `who reads ${topic} for ${group} is not known: ${why}`,
    ),
  ].join("\n");
}

function memberText({ member }: LagLine, state: GroupState | undefined): string {
  if (member !== null) return memberName(member);
  return state === undefined || state.unknown !== null ? "not known" : `nobody (${state.state})`;
}
