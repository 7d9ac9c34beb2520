// What became of a saga's mails, as far as anybody can tell: a mail that was sent leaves no row, and neither does one that the notification
// service has not read. Used by pages/saga.tsx.
import { type TopicState } from "../../../schemas/overview.ts";
import { SUBSCRIPTIONS, TOPICS } from "../../../schemas/topics.ts";
import type { SagaMails } from "../../operations/saga-mails.ts";
import { knownOf, type Reading } from "../source.ts";
import { countText, plural } from "./words.ts";

/** A lag was read at most 3 s before its time, and the clocks of two servers differ by a little. */
const SURE_AFTER_MS = 10_000;
const GROUP = "notification" satisfies keyof typeof SUBSCRIPTIONS;

interface Props {
  /** At least one was asked for. */
  readonly mails: SagaMails;
  readonly sagaId: string;
  readonly topics: Reading<readonly TopicState[]>;
}

export function MailsText({ mails: { asked, last_asked_at, waiting, missing }, sagaId, topics }: Props) {
  if (missing !== null) return <span>unknown: the notification database does not answer</span>;
  // One may wait for longer than the outbox keeps its message.
  const handled = Math.max(0, asked - waiting.length);
  const lag = lagOf(topics);
  const isRead =
    lag === 0 && last_asked_at !== null && topics.at !== null && topics.at - last_asked_at >= SURE_AFTER_MS;
  const deadLetter = (
    <a href={`/dead-letters?${new URLSearchParams({ service: GROUP, saga: sagaId })}`}>a dead letter</a>
  );
  return (
    <span>
      {waiting.length === 0 ? "" : `${plural(waiting.length, "mail")} waiting; `}
      {handled === 0 ? null : (
        <>
          {isRead ? (
            <>
              {plural(handled, "mail")} asked for: the mail server took {handled === 1 ? "it" : "each"},
              unless there is {deadLetter} of it here
            </>
          ) : (
            <>
              {plural(handled, "mail")} asked for: taken by the mail server, {deadLetter}, or{" "}
              <a href="/topics">not read yet by notification</a>
              {lag === null || lag === 0 ? null : `, which is ${countText(lag)} behind`}
            </>
          )}
        </>
      )}
    </span>
  );
}

/** Mails that the notification service has not read; null if that is not known. */
function lagOf(topics: Props["topics"]): number | null {
  const mails = knownOf(topics)?.find(({ topic }) => topic === TOPICS.notifications);
  return mails?.groups.find(({ group }) => group === GROUP)?.lag ?? null;
}
