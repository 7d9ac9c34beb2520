// The six topics with the lag of each group. One of them is in topic.tsx.
import type { TopicState } from "../../../schemas/overview.ts";
import { Unknown } from "../parts/bits.tsx";
import { Page } from "../parts/layout.tsx";
import { holderOf, type LiveParts } from "../parts/live-parts.tsx";
import { type Column, DataTable } from "../parts/table.tsx";
import { countText } from "../parts/words.ts";
import { knownOf, type Reading } from "../source.ts";
import type { Frame } from "../visit.ts";

const COLUMNS: readonly Column<TopicState>[] = [
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
        groups.map(({ group, lag }) => `${group} ${countText(lag)}`).join(", ")
      ),
    value: ({ groups }) => groups.map(({ group, lag }) => `${group} ${lag}`).join(", "),
  },
];

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
      columns={COLUMNS}
      rows={known}
      keyOf={({ topic }) => topic}
      hrefOf={({ topic }) => `/topics/${topic}`}
    />
  );
}
