// `checkoutctl topics read`: messages of one topic, by saga, time or offset. Joins no group and moves no offset.
import { InvalidArgumentError } from "@commander-js/extra-typings";
import { plural } from "../../../internal/kernel/counted.ts";
import { timestampOf } from "../../../internal/kernel/timestamp.ts";
import { MAX_PAGE_MESSAGES, TopicBrowser } from "../../../internal/operations/topic-browser.ts";
import type { TopicPage } from "../../../internal/operations/topic-page.ts";
import {
  parseTopicRequest,
  TOPIC_FIELDS,
  type TopicRequest,
} from "../../../internal/operations/topic-request.ts";
import { TopicReader } from "../../../internal/platform/kafka/topic-reader.ts";
import { TOPICS } from "../../../schemas/topics.ts";
import { command, count, instant, moment, print, table, wrongUsage } from "../command.ts";
import { Connections } from "../connections.ts";
import { loadSettings } from "../settings.ts";

const DEFAULT_LIMIT = 50;
/** A person waits longer than a page. */
const TIMEOUT_MS = 30_000;

export const topicsRead = command("read", "messages of a topic, without personal data; by default the newest")
  .argument("<topic>", `one of ${Object.values(TOPICS).join(", ")}`, topicNamed)
  .option("--saga <id>", "only of this saga, from its beginning on")
  .option("--at <time>", "from this time on: 2026-11-23T12:00:00Z, or a duration ago such as 15m", timeText)
  .option("--partition <number>", "only of this partition")
  .option("--offset <number>", "from this offset of the partition on")
  .option("--from <places>", "newer messages: continue at the `newer` of an earlier output")
  .option("--to <places>", "older messages: continue at the `older` of an earlier output, or at `end`")
  .option("--limit <count>", `maximum number of messages, up to ${MAX_PAGE_MESSAGES}`, count, DEFAULT_LIMIT)
  .action(async (topic, options) => {
    const request = requestOf(options);
    await using connections = new Connections(loadSettings(options.stack));
    const kafka = connections.kafka();
    const browser = new TopicBrowser({
      open: (name) => TopicReader.open(kafka, name),
      timeoutMs: TIMEOUT_MS,
    });
    const page = await browser.page(topic, request, options.limit);
    print(options, page, () => textOf(page));
  });

function topicNamed(name: string): string {
  const known: readonly string[] = Object.values(TOPICS);
  if (!known.includes(name)) throw new InvalidArgumentError(`It must be one of ${known.join(", ")}.`);
  return name;
}

function timeText(text: string): string {
  return timestampOf(moment(text));
}

function requestOf(options: Partial<Record<(typeof TOPIC_FIELDS)[number], string>>): TopicRequest {
  const fields = new URLSearchParams();
  for (const name of TOPIC_FIELDS) {
    const value = options[name];
    if (value !== undefined) fields.set(name, value);
  }
  const read = parseTopicRequest(fields);
  return "faults" in read ? wrongUsage(read.faults.join("; ")) : read.request;
}

function textOf({ messages, order, read, stopped, older_deleted, newer, older }: TopicPage): string {
  const looked = read.reduce((sum, { from, to }) => sum + to - from, 0);
  const rows = messages.map(({ partition, offset, at, type, saga_id }) => [
    partition,
    offset,
    instant(at),
    type,
    saga_id,
  ]);
  const lines = [
    ...(rows.length === 0
      ? ["no message in what was looked through"]
      : [table(["PARTITION", "OFFSET", "AT", "TYPE", "SAGA"], rows)]),
    `${order}; looked through ${plural(looked, "message")}${END[stopped]}${older_deleted ? "; Kafka no longer has older ones" : ""}`,
    ...(newer === null ? [] : [`newer: --from ${newer}`]),
    ...(older === null ? [] : [`older: --to ${older}`]),
  ];
  return lines.join("\n");
}

const END: Readonly<Record<TopicPage["stopped"], string>> = {
  full: "",
  end: ", to the end",
  messages: ", which is as many as at a time",
  seconds: ", and there was no time for more",
};
