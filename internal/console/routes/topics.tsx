// Topics: their sizes and lags with their stream, and the newest messages of one.
import { type Topic, TOPICS } from "../../../schemas/topics.ts";
import { masked } from "../../operations/mask.ts";
import { liveResponse, shared } from "../live.ts";
import { TopicPage, type TopicMessage, Topics, TOPICS_PARTS } from "../pages/topics.tsx";
import { allOf } from "../parts/live-parts.tsx";
import { notFound } from "../problem.ts";
import { page } from "../respond.ts";
import type { SignedIn } from "../visit.ts";
import type { ConsoleRoute } from "./route.ts";

export const topicRoutes: readonly ConsoleRoute[] = [
  { method: "GET", path: "/topics", name: "topics", needs: "viewer", handle: list },
  { method: "GET", path: "/topics/events", name: "topics_events", needs: "viewer", handle: events },
  { method: "GET", path: "/topics/:name", name: "topic", needs: "viewer", handle: one },
];

const PER_PARTITION = 20;
const SHOWN = 100;

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
  const name = visit.params["name"] ?? "";
  const topic = Object.values(TOPICS).find((known) => known === name);
  if (topic === undefined) throw notFound(`There is no topic ${name.slice(0, 100)}.`);
  const messages = await newestOf(visit, topic);
  return page(visit, <TopicPage frame={visit} topic={topic} messages={messages} />);
}

async function newestOf({ options }: SignedIn, topic: Topic): Promise<readonly TopicMessage[]> {
  const found: TopicMessage[] = [];
  for await (const batch of options.browse(topic, PER_PARTITION)) {
    for (const [index, value] of batch.values.entries()) {
      const { partition, offset, timestampMs: at } = batch.raw(index);
      const text = (field: string) => fieldOf(value, field);
      const saga_id = text("saga_id");
      const type = text("type") ?? text("error_code") ?? "message";
      found.push({
        partition,
        offset,
        at,
        type,
        saga_id,
        text: JSON.stringify(masked(value, false), null, 2),
      });
    }
    for (const { partition, offset, timestampMs: at } of batch.undecodable)
      found.push({ partition, offset, at, type: "not JSON", saga_id: null, text: "not JSON" });
  }
  return found.toSorted((a, b) => b.at - a.at).slice(0, SHOWN);
}

function fieldOf(value: unknown, field: string): string | null {
  const found: unknown = typeof value === "object" && value !== null ? Reflect.get(value, field) : null;
  return typeof found === "string" ? found : null;
}
