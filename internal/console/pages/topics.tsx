// The six topics with the lag of each group, and the newest messages of one. Nothing is produced here, and no offset is moved.
import type { TopicState } from "../../../schemas/overview.ts";
import { Copy, Empty, Unknown } from "../parts/bits.tsx";
import { Page } from "../parts/layout.tsx";
import { holderOf, type LiveParts } from "../parts/live-parts.tsx";
import { type Column, DataTable } from "../parts/table.tsx";
import { When } from "../parts/when.tsx";
import { countText, plural } from "../parts/words.ts";
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

export interface TopicMessage {
  readonly partition: number;
  readonly offset: number;
  /** Epoch ms, as the broker stored it. */
  readonly at: number;
  readonly type: string;
  readonly saga_id: string | null;
  /** As JSON, with personal data masked. */
  readonly text: string;
}

interface TopicProps {
  readonly frame: Frame;
  readonly topic: string;
  /** Newest first. */
  readonly messages: readonly TopicMessage[];
}

export function TopicPage({ frame, topic, messages }: TopicProps) {
  return (
    <Page frame={frame} title={`Topic ${topic}`} current="topics">
      <div class="page-head">
        <h1>{topic}</h1>
        <p class="soft small">
          the newest of each partition; of one saga its <a href="/sagas">timeline</a> has all
        </p>
      </div>
      <div class="card">
        {messages.length === 0 ? (
          <Empty title="There is no message in this topic" />
        ) : (
          <ol class="timeline plain-list">
            {messages.map(({ partition, offset, at, type, saga_id, text }) => (
              <li key={`${partition}-${offset}`} id={`p-${partition}-${offset}`}>
                <span class="at">
                  <When at={at} show="both" />
                </span>
                <span class="by number">
                  {partition} @ {countText(offset)}
                </span>
                <details>
                  <summary>{type}</summary>
                  <p class="row-tools small">
                    {saga_id === null ? null : <a href={`/sagas/${saga_id}`}>Saga {saga_id}</a>}{" "}
                    <Copy text={text} what="this message as JSON" />
                  </p>
                  <pre tabIndex={0}>{text}</pre>
                </details>
              </li>
            ))}
          </ol>
        )}
        <div class="table-foot small soft">
          <p>{plural(messages.length, "message")}, newest first</p>
        </div>
      </div>
    </Page>
  );
}
