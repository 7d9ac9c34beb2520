// Topics: their sizes and lags with their stream, and one with its partitions and messages.
import { type Topic, TOPICS } from "../../../schemas/topics.ts";
import { AppError, assert } from "../../kernel/errors.ts";
import { ask } from "../../operations/ask.ts";
import { MAX_PAGE_MESSAGES } from "../../operations/topic-browser.ts";
import type { TopicPage } from "../../operations/topic-page.ts";
import { readerRows } from "../../operations/topic-readers.ts";
import { parseTopicRequest, topicFieldsOf, type TopicRequest } from "../../operations/topic-request.ts";
import { liveResponse, shared } from "../live.ts";
import { messageColumns, partitionColumns, TopicDetail, type TopicProps } from "../pages/topic.tsx";
import { Topics, TOPICS_PARTS } from "../pages/topics.tsx";
import { allOf } from "../parts/live-parts.tsx";
import { readerColumns } from "../parts/topic-readers.tsx";
import type { Column, Cut } from "../parts/table.tsx";
import { badRequest, notFound, Problem } from "../problem.ts";
import { exported, isExport, page } from "../respond.ts";
import type { SignedIn } from "../visit.ts";
import type { ConsoleRoute } from "./route.ts";

export const topicRoutes: readonly ConsoleRoute[] = [
  { method: "GET", path: "/topics", name: "topics", needs: "viewer", handle: list },
  { method: "GET", path: "/topics/events", name: "topics_events", needs: "viewer", handle: events },
  { method: "GET", path: "/topics/:name", name: "topic", needs: "viewer", handle: one },
];

const SHOWN = 100;
/** The rest of the page does not wait longer for a silent Kafka. */
const READING_TIMEOUT_MS = 2_500;

async function list(visit: SignedIn): Promise<Response> {
  const { topics } = await visit.options.collector.fresh();
  return page(visit, <Topics frame={visit} topics={topics} />);
}

function events(visit: SignedIn): Response {
  const { collector } = visit.options;
  const parts = () => {
    const { topics } = collector.snapshot();
    return shared(topics, topics, () => allOf(TOPICS_PARTS, { topics }));
  };
  return liveResponse(visit, { parts, watch: (tell) => collector.watch(tell) });
}

async function one(visit: SignedIn): Promise<Response> {
  const { query: given } = visit;
  const name = visit.params["name"] ?? "";
  const topic = Object.values(TOPICS).find((known) => known === name);
  if (topic === undefined) throw notFound(`There is no topic ${name.slice(0, 100)}.`);
  const ofReading = ["partitions", "readers"].includes(given.get("table") ?? "") && isExport(visit);
  const [reading, found] = await Promise.all([
    readingOf(visit, topic),
    ofReading ? null : foundIn(visit, topic),
  ]);
  if (isExport(visit)) return fileOf(visit, topic, found, reading);
  if (found === null) throw badRequest("table is for files: add as=csv or as=json.");
  const status = "faults" in found ? 422 : "unread" in found ? 503 : 200;
  return page(visit, <TopicDetail frame={visit} {...{ topic, given, reading, found }} />, { status });
}

/** From Kafka as it is now. Unknown since the collector has no answer, if it has none either. */
function readingOf({ options }: SignedIn, topic: Topic): Promise<TopicProps["reading"]> {
  const { clock, collector, topics } = options;
  const { unknownSince } = collector.snapshot().topics;
  return ask(() => topics.readingOf(topic), { clock, timeoutMs: READING_TIMEOUT_MS, unknownSince });
}

async function foundIn(visit: SignedIn, topic: Topic): Promise<TopicProps["found"]> {
  const { query, options, request: http } = visit;
  const asked = parseTopicRequest(query);
  if ("faults" in asked) return asked;
  const { request } = asked;
  const messages = isExport(visit) ? MAX_PAGE_MESSAGES : SHOWN;
  try {
    return { request, page: await options.topics.browser.page(topic, request, messages, http.signal) };
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    if (error.code === "MESSAGE_INVALID") return { faults: [error.message] };
    if (!error.canRetry) throw error;
    return { request, unread: error.message };
  }
}

/** A file cannot say why it is empty. */
function fileOf(
  visit: SignedIn,
  topic: Topic,
  found: TopicProps["found"] | null,
  reading: TopicProps["reading"],
): Response {
  if (found === null) {
    if ("why" in reading) throw new Problem(503, "Not reachable", reading.why);
    const { value } = reading;
    return visit.query.get("table") === "readers"
      ? fileNamed(visit, `${topic}-readers`, readerColumns, readerRows(value), null)
      : fileNamed(
          visit,
          `${topic}-partitions`,
          partitionColumns(topic, value.partitions),
          value.partitions,
          null,
        );
  }
  if ("faults" in found) throw badRequest(found.faults.join("; "));
  if ("unread" in found) throw new Problem(503, "Not reachable", found.unread);
  return fileNamed(visit, topic, messageColumns, found.page.messages, cutOf(visit, topic, found));
}

function fileNamed<Row>(
  visit: SignedIn,
  name: string,
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  cut: Cut | null,
): Response {
  const file = exported(visit, name, columns, rows, cut);
  assert(file !== null, "a file was asked for");
  return file;
}

function cutOf(
  { query }: SignedIn,
  topic: Topic,
  {
    request,
    page: { messages, order, newer, older },
  }: { readonly request: TopicRequest; readonly page: TopicPage },
): Cut | null {
  const [name, places] = order === "oldest first" ? ["from", newer] : ["to", older];
  if (places === null || name === undefined) return null;
  const fields = topicFieldsOf({ ...request, turn: null });
  fields.set(name, places);
  fields.set("as", query.get("as") ?? "json");
  return {
    why: `These are ${messages.length} messages, and there may be more.`,
    next: `/topics/${topic}?${fields}`,
  };
}
