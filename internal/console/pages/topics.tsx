// The six topics with the lag of each group. One of them is in topic.tsx.
import type { TopicState } from "../../../schemas/overview.ts";
import { countText } from "../../kernel/counted.ts";
import { STANDS_MS } from "../../operations/topic-readers.ts";
import { Status, Unknown } from "../parts/bits.tsx";
import { Page } from "../parts/layout.tsx";
import { holderOf, type LiveParts } from "../parts/live-parts.tsx";
import { type Column, DataTable } from "../parts/table.tsx";
import { durationText } from "../parts/words.ts";
import { knownOf, type Reading } from "../source.ts";
import type { Frame } from "../visit.ts";

/** `now`: of the reading. */
const columns = (now: number): readonly Column<TopicState>[] => [
  {
    name: "topic",
    head: "Topic",
    show: ({ topic }) => <a href={`/topics/${topic}`}>{topic}</a>,
    value: ({ topic }) => topic,
  },
  {
    name: "partitions",
    head: "Partitions",
    isRight: true,
    value: ({ partitions }) => partitions,
  },
  {
    name: "messages",
    head: "Messages",
    isRight: true,
    show: ({ messages }) => countText(messages),
    value: ({ messages }) => messages,
  },
  {
    name: "end",
    head: "Ever written",
    isRight: true,
    show: ({ end }) => countText(end),
    value: ({ end }) => end,
  },
  {
    name: "lag",
    head: "Lag by group",
    show: ({ groups }) =>
      groups.length === 0 ? (
        <span class="soft">no group reads it</span>
      ) : (
        groups.map((one, index) => (
          <span key={one.group}>
            {index === 0 ? "" : ", "}
            <GroupLag {...one} now={now} />
          </span>
        ))
      ),
    value: ({ groups }) => groups.map(({ group, lag }) => `${group} ${lag}`).join(", "),
  },
];

function GroupLag({
  group,
  lag,
  unmoved_since,
  now,
}: TopicState["groups"][number] & { readonly now: number }) {
  const text = `${group} ${countText(lag)}`;
  const standsMs = unmoved_since === undefined ? 0 : now - unmoved_since;
  if (standsMs < STANDS_MS) return text;
  return (
    <Status tone="bad">
      {text}, stuck for {durationText(standsMs)}
    </Status>
  );
}

interface PartProps {
  readonly topics: Reading<readonly TopicState[]>;
}

export const TOPICS_PARTS: LiveParts<PartProps> = { "t-topics": TopicsTable };

export function Topics({ frame, topics }: PartProps & { readonly frame: Frame }) {
  const holder = holderOf(TOPICS_PARTS, { topics });
  return (
    <Page frame={frame} title="Topics" current="topics" live="/topics/events">
      <div class="page-head">
        <h1>Topics</h1>
        <p class="soft small">
          what the services still have to write to them is in their <a href="/outboxes">outboxes</a>
        </p>
      </div>
      <div class="card">{holder("t-topics")}</div>
    </Page>
  );
}

function TopicsTable({ topics }: PartProps) {
  const known = knownOf(topics);
  if (known === null)
    return (
      <p>
        <Unknown reading={topics} />
      </p>
    );
  return (
    <DataTable
      label="Topics"
      columns={columns(topics.at ?? 0)}
      rows={known}
      keyOf={({ topic }) => topic}
      hrefOf={({ topic }) => `/topics/${topic}`}
    />
  );
}
