// One topic: its partitions with the lag of each group, and its messages by saga, time or offset. Nothing is produced here, and no offset is
// moved.
import { countText, plural } from "../../kernel/counted.ts";
import { timestampOf } from "../../kernel/timestamp.ts";
import type { Part, PartitionState, TopicReading } from "../../../schemas/overview.ts";
import type { TopicMessage, TopicPage } from "../../operations/topic-page.ts";
import { topicFieldsOf, type TopicRequest } from "../../operations/topic-request.ts";
import { CommandLine, Copy, Empty, IdLink, Notice, shellArgument, Unknown } from "../parts/bits.tsx";
import { Field } from "../parts/field.tsx";
import { Page } from "../parts/layout.tsx";
import { type Column, DataTable, Exports } from "../parts/table.tsx";
import { TopicReaders } from "../parts/topic-readers.tsx";
import { When } from "../parts/when.tsx";
import type { Frame } from "../visit.ts";

export interface TopicProps {
  readonly frame: Frame;
  readonly topic: string;
  readonly reading: Part<TopicReading>;
  /** As typed. */
  readonly given: URLSearchParams;
  readonly found:
    | { readonly faults: readonly string[] }
    | { readonly request: TopicRequest; readonly unread: string }
    | { readonly request: TopicRequest; readonly page: TopicPage };
}

/** In CSV and JSON. */
export const messageColumns: readonly Column<TopicMessage>[] = [
  { name: "partition", head: "Partition", value: ({ partition }) => partition },
  { name: "offset", head: "Offset", value: ({ offset }) => offset },
  { name: "at", head: "When", value: ({ at }) => timestampOf(at) },
  { name: "type", head: "Type", value: ({ type }) => type },
  { name: "saga_id", head: "Saga", value: ({ saga_id }) => saga_id },
  { name: "key", head: "Key", value: ({ key }) => key },
  { name: "message", head: "Message", value: ({ value }) => (value === null ? null : JSON.stringify(value)) },
];

export function partitionColumns(
  topic: string,
  states: readonly PartitionState[],
): readonly Column<PartitionState>[] {
  const number = (name: string, head: string, value: (state: PartitionState) => number) => ({
    name,
    head,
    isRight: true,
    show: (state: PartitionState) => countText(value(state)),
    value,
  });
  return [
    {
      name: "partition",
      head: "Partition",
      show: ({ partition }) => <a href={`/topics/${topic}?partition=${partition}`}>{partition}</a>,
      value: ({ partition }) => partition,
    },
    number("first", "First offset", ({ first }) => first),
    number("end", "End offset", ({ end }) => end),
    number("messages", "Messages", ({ first, end }) => end - first),
    ...(states[0]?.groups ?? []).map(({ group }) =>
      number(
        `lag_${group}`,
        `Lag of ${group}`,
        ({ groups }) => groups.find((one) => one.group === group)?.lag ?? 0,
      ),
    ),
  ];
}

/** The address of a page of the topic. */
export function topicHref(topic: string, request: TopicRequest): string {
  const fields = topicFieldsOf(request);
  return `/topics/${topic}${fields.size === 0 ? "" : `?${fields}`}`;
}

export function TopicDetail(props: TopicProps) {
  const { frame, topic, reading, found } = props;
  return (
    <Page frame={frame} title={`Topic ${topic}`} current="topics">
      <div class="page-head">
        <h1>{topic}</h1>
        <p class="soft small">
          of one saga its <a href="/sagas">timeline</a> has more
        </p>
      </div>
      <section class="card" aria-labelledby="partitions-title">
        <h2 id="partitions-title">Partitions</h2>
        <Partitions topic={topic} reading={reading} />
      </section>
      {"value" in reading ? (
        <section class="card" aria-labelledby="readers-title">
          <h2 id="readers-title">Who reads it</h2>
          <TopicReaders topic={topic} reading={reading} />
          <p class="small soft">
            On the command line: <CommandLine>{`checkoutctl topics lag ${topic}`}</CommandLine>
          </p>
        </section>
      ) : null}
      <section aria-labelledby="messages-title">
        <h2 id="messages-title">Messages</h2>
        <Search {...props} />
        {"faults" in found ? (
          <Notice tone="bad">
            <p>Nothing is read, because the form is wrong:</p>
            <ul>
              {found.faults.map((fault) => (
                <li key={fault}>{inLabels(fault)}</li>
              ))}
            </ul>
          </Notice>
        ) : (
          <>
            {"unread" in found ? (
              <Notice tone="bad">
                <p>The messages cannot be read now: {found.unread}</p>
              </Notice>
            ) : (
              <Messages topic={topic} request={found.request} page={found.page} here={frame.here} />
            )}
            <p class="small soft">
              On the command line: <CommandLine>{commandOf(topic, found.request)}</CommandLine>
            </p>
          </>
        )}
      </section>
    </Page>
  );
}

function Partitions({ topic, reading }: Pick<TopicProps, "topic" | "reading">) {
  if ("why" in reading)
    return (
      <p>
        <Unknown
          reading={{ value: null, at: null, unknownSince: reading.unknown_since, reason: reading.why }}
        />
      </p>
    );
  const states = reading.value.partitions;
  return (
    <details>
      <summary>
        {plural(states.length, "partition")}, {messagesIn(states)}, {lagIn(states)}
      </summary>
      <DataTable
        label="Partitions"
        columns={partitionColumns(topic, states)}
        rows={states}
        keyOf={({ partition }) => String(partition)}
      />
      <div class="table-foot small">
        <Exports here={`/topics/${topic}?table=partitions`} />
      </div>
    </details>
  );
}

function messagesIn(states: readonly PartitionState[]): string {
  return plural(
    states.reduce((sum, { first, end }) => sum + end - first, 0),
    "message",
  );
}

function lagIn(states: readonly PartitionState[]): string {
  const lags = new Map<string, number>();
  for (const { groups } of states)
    for (const { group, lag } of groups) lags.set(group, (lags.get(group) ?? 0) + lag);
  return lags.size === 0
    ? "no group reads it"
    : [...lags].map(([group, lag]) => `${group} has ${countText(lag)} to read`).join(", ");
}

/** By name of the field. */
const LABELS = {
  saga: "Saga",
  at: "From a time on (UTC)",
  partition: "Partition",
  offset: "From its offset on",
} as const;

function inLabels(fault: string): string {
  const [name = "", ...words] = fault.split(" ");
  const label = Object.entries(LABELS).find(([field]) => field === name)?.[1] ?? name;
  return [label, ...words].join(" ");
}

function Search({ topic, given }: Pick<TopicProps, "topic" | "given">) {
  const value = (name: string) => given.get(name) ?? "";
  const isAsked = [...given.keys()].some((name) => name !== "as");
  return (
    <form class="filters" action={`/topics/${topic}`} aria-label="Which messages">
      <Field name="saga" label={LABELS.saga} value={value("saga")} placeholder="its id" />
      <Field name="at" label={LABELS.at} value={value("at")} placeholder="2026-11-23T12:00:00Z" />
      <Field name="partition" label={LABELS.partition} value={value("partition")} isShort />
      <Field name="offset" label={LABELS.offset} value={value("offset")} />
      <div class="buttons">
        <button class="button quiet">Show</button>
        {isAsked ? <a href={`/topics/${topic}`}>the newest</a> : null}
      </div>
    </form>
  );
}

interface MessagesProps {
  readonly topic: string;
  readonly request: TopicRequest;
  readonly page: TopicPage;
  readonly here: string;
}

function Messages({ topic, request, page, here }: MessagesProps) {
  return (
    <div class="card">
      {page.messages.length === 0 ? (
        <Empty title={emptyTitle(request, page)} />
      ) : (
        <ol class="timeline has-sagas plain-list">
          {page.messages.map((message) => (
            <Message key={`${message.partition}-${message.offset}`} message={message} />
          ))}
        </ol>
      )}
      <div class="table-foot small soft">
        <p>
          {plural(page.messages.length, "message")}, {page.order}. {lookedText(page)}
        </p>
        <Turns topic={topic} request={request} page={page} />
        <Exports here={here} />
      </div>
    </div>
  );
}

function Message({ message }: { readonly message: TopicMessage }) {
  const { partition, offset, at, type, saga_id, value } = message;
  const text = value === null ? "not JSON" : JSON.stringify(value, null, 2);
  return (
    <li id={`p-${partition}-${offset}`}>
      <span class="at">
        <When at={at} show="both" />
      </span>
      <span class="by number">
        {partition} @ {countText(offset)}
      </span>
      <span class="of">{saga_id === null ? null : <IdLink id={saga_id} href={`/sagas/${saga_id}`} />}</span>
      <details>
        <summary>{type}</summary>
        <p class="row-tools small">
          <Copy text={text} what="this message as JSON" />
        </p>
        <pre tabIndex={0}>{text}</pre>
      </details>
    </li>
  );
}

function emptyTitle({ sagaId, turn, at, offset }: TopicRequest, { read, stopped }: TopicPage): string {
  if (sagaId !== null) return "No message of this saga in what was looked through";
  if (stopped !== "end") return "No message in what was looked through";
  const isWhole =
    turn === null && at === null && offset === null && read.every(({ from, to }) => from === to);
  return isWhole ? "There is no message here" : "There is no message from here on";
}

function lookedText({ read, stopped, order, older_deleted }: TopicPage): string {
  const isNewer = order === "oldest first";
  const looked = read.filter(({ from, to }) => from < to);
  const count = looked.reduce((sum, { from, to }) => sum + to - from, 0);
  const [only] = read;
  const where =
    read.length === 1 && only !== undefined
      ? `partition ${only.partition}${count === 0 ? "" : `, offsets ${countText(only.from)} to ${countText(only.to - 1)}`}`
      : plural(read.length, "partition");
  const end = {
    full: "",
    end: isNewer ? " That was up to the end." : " That was down to the beginning.",
    messages: " That is as many as are looked through at a time.",
    seconds: " There was no time for more.",
  }[stopped];
  const deleted = older_deleted ? " Kafka no longer has older ones." : "";
  return `Looked through ${plural(count, "message")} (${where}).${end}${deleted}`;
}

/** To the pages beside this one. Their addresses keep the search. */
function Turns({ topic, request, page }: Omit<MessagesProps, "here">) {
  const href = (name: "from" | "to", places: string) => {
    const fields = topicFieldsOf({ ...request, turn: null });
    fields.set(name, places);
    return `/topics/${topic}?${fields}`;
  };
  const isNewer = page.order === "oldest first";
  const further = page.stopped === "messages" || page.stopped === "seconds" ? "Go on: " : "";
  return (
    <nav class="buttons" aria-label="Pages">
      {page.older === null ? null : (
        <a href={href("to", page.older)}>{isNewer ? "Older" : `${further}Older`}</a>
      )}
      {page.newer === null ? null : (
        <a href={href("from", page.newer)}>{isNewer ? `${further}Newer` : "Newer"}</a>
      )}
      {request.sagaId === null || !isNewer ? null : <a href={href("to", "end")}>From the end back</a>}
    </nav>
  );
}

/** With the same fields as options. */
function commandOf(topic: string, request: TopicRequest): string {
  const options = [...topicFieldsOf(request)].map(([name, value]) => ` --${name} ${shellArgument(value)}`);
  return `checkoutctl topics read ${topic}${options.join("")}`;
}
