// One timeline out of four databases: every row opens its JSON, long pauses are folded, failures are bold.
import { plural } from "../../kernel/counted.ts";
import type { SagaStory, StoryEvent } from "../../operations/saga-story.ts";
import { Copy, Empty } from "./bits.tsx";
import { Icon, type IconName } from "./icon.tsx";
import { When } from "./when.tsx";
import { durationText } from "./words.ts";

/** What a timeline shows, by its name in the address. */
export const SHOWS = [
  ["all", "All"],
  ["failed", "Failures"],
  ["messages", "Commands and events"],
  ["saga", "Saga"],
  ["inventory", "Inventory"],
  ["payment", "Payment"],
  ["order", "Order"],
  ["notification", "Mails"],
] as const;
export type Show = (typeof SHOWS)[number][0];

export function showOf(text: string | null): Show {
  return SHOWS.find(([name]) => name === text)?.[0] ?? "all";
}

/** A pause that is worth a line of its own. */
const PAUSE_MS = 2_000;

interface Props {
  readonly story: SagaStory;
  readonly show: Show;
}

export function Timeline({ story, show }: Props) {
  const { timeline, saga, missing } = story;
  const shown = timeline.filter((event) => isShown(event, show));
  if (shown.length === 0)
    return (
      <Empty
        title={
          missing.some(({ database }) => database === show)
            ? `Unknown: the ${show} database does not answer`
            : "Nothing of that kind"
        }
      >
        <p>
          <a href={`/sagas/${saga.saga_id}`}>Show the whole timeline</a>
        </p>
      </Empty>
    );
  return (
    <ol class="timeline plain-list">
      {shown.flatMap((event, index) => {
        const before = shown[index - 1];
        const pause = before === undefined ? 0 : event.at - before.at;
        const row = <Row key={event.id} event={event} startedAt={saga.created_at} />;
        if (pause < PAUSE_MS) return [row];
        return [
          <li key={`pause-${event.id}`} class="pause small soft">
            {durationText(pause)} later
          </li>,
          row,
        ];
      })}
      {shown.length === timeline.length ? null : (
        <li class="pause small soft">
          {plural(timeline.length - shown.length, "row is", "rows are")} not shown
        </li>
      )}
    </ol>
  );
}

function isShown({ failed, kind, who }: StoryEvent, show: Show): boolean {
  if (show === "all") return true;
  if (show === "failed") return failed;
  return show === "messages" ? kind === "message" : who === show;
}

const ICONS: Readonly<Record<StoryEvent["kind"], IconName>> = {
  transition: "good",
  message: "message",
  state: "running",
  waiting: "warn",
  operator: "person",
};

function Row({ event, startedAt }: { readonly event: StoryEvent; readonly startedAt: number }) {
  const { id, at, who, kind, what, failed, detail } = event;
  const text = JSON.stringify(detail, null, 2);
  const offset = at - startedAt;
  return (
    <li id={id} class={failed ? "is-failed" : undefined}>
      <span class="at">
        <When at={at} show="clock" />
        <span class="soft">
          {" "}
          {offset >= 0 ? "+" : "-"}
          {durationText(Math.abs(offset))}
        </span>
      </span>
      <span class="by">
        <Icon name={failed ? "bad" : ICONS[kind]} /> {who}
      </span>
      <details id={`d-${id}`}>
        <summary>
          {failed ? <span class="visually-hidden">Failed: </span> : null}
          {what}
        </summary>
        <p class="row-tools small">
          <a href={`#${id}`}>Link to this row</a> <Copy text={text} what="this row as JSON" />
        </p>
        <pre tabIndex={0}>{text}</pre>
      </details>
    </li>
  );
}
