// What became of a saga's mails, as far as anybody can tell: a mail that was sent leaves no row, and neither does one that the notification
// service has not read. Used by pages/saga.tsx.
import { type TopicState } from "../../../schemas/overview.ts";
import { DEAD_LETTER_RETENTION_MS, SUBSCRIPTIONS, TOPICS } from "../../../schemas/topics.ts";
import { countText, plural } from "../../kernel/counted.ts";
import type { SagaMails } from "../../operations/saga-mails.ts";
import type { Snapshot } from "../collector.ts";
import { knownOf, type Reading } from "../source.ts";

/** A lag was read at most 3 s before its time, and the clocks of two servers differ by a little. */
const SURE_AFTER_MS = 10_000;
const GROUP = "notification" satisfies keyof typeof SUBSCRIPTIONS;

interface Props {
  /** At least one was asked for. */
  readonly mails: SagaMails;
  readonly sagaId: string;
  readonly topics: Reading<readonly TopicState[]>;
  /** Those that nobody has handled. */
  readonly deadLetters: Snapshot["deadLetters"];
  /** Whether a dead letter of the saga was discarded, which may have been of a mail. */
  readonly wasDiscarded: boolean;
}

export function MailsText(props: Props) {
  const { mails, sagaId, topics } = props;
  const { asked, last_asked_at, waiting, missing } = mails;
  if (missing !== null) return <span>unknown: the notification database does not answer</span>;
  // One may wait for longer than the outbox keeps its message.
  const handled = Math.max(0, asked - waiting.length);
  const lag = lagOf(topics);
  const isSure = (at: number | null) =>
    last_asked_at !== null && at !== null && at - last_asked_at >= SURE_AFTER_MS;
  const isRead = lag === 0 && isSure(topics.at);
  return (
    <span>
      {waiting.length === 0 ? "" : `${plural(waiting.length, "mail")} waiting; `}
      {handled === 0 ? null : isRead && hasNoDead(props) && isSure(props.deadLetters.at) ? (
        `${plural(handled, "mail")} sent: the mail server took ${handled === 1 ? "it" : "each"}`
      ) : (
        <>
          {plural(handled, "mail")} asked for: taken by the mail server
          {isRead ? " or " : ", "}
          <a href={`/dead-letters?${new URLSearchParams({ service: GROUP, saga: sagaId })}`}>a dead letter</a>
          {isRead ? null : (
            <>
              , or <a href="/topics">not read yet by notification</a>
              {lag === null || lag === 0 ? null : `, which is ${countText(lag)} behind`}
            </>
          )}
        </>
      )}
    </span>
  );
}

/** Whether no mail at all is a dead letter, so none of this saga. */
function hasNoDead({ mails: { last_asked_at }, deadLetters, wasDiscarded }: Props): boolean {
  const open = knownOf(deadLetters);
  // Kafka has deleted older ones.
  if (last_asked_at === null || (deadLetters.at ?? 0) - last_asked_at > DEAD_LETTER_RETENTION_MS)
    return false;
  return (
    open !== null && !wasDiscarded && open.every(({ service, count }) => service !== GROUP || count === 0)
  );
}

/** Mails that the notification service has not read; null if that is not known. */
function lagOf(topics: Props["topics"]): number | null {
  const mails = knownOf(topics)?.find(({ topic }) => topic === TOPICS.notifications);
  return mails?.groups.find(({ group }) => group === GROUP)?.lag ?? null;
}
