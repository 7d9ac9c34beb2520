// One message that failed for good: its error, its bytes, its saga now, and what a replay would do.
import type { ComponentChildren } from "preact";
import { plural } from "../../kernel/counted.ts";
import { epochMsOf } from "../../kernel/timestamp.ts";
import type { Handling } from "../../operations/dead-letter-store.ts";
import { type ListedDeadLetter, typeOf } from "../../operations/dead-letters.ts";
import { messageIdOf } from "../../messaging/read-dead-letter.ts";
import { isQuarantined } from "../../operations/plan.ts";
import { Act } from "../parts/act.tsx";
import { CommandLine, Copy, Facts, IdLink, Notice, Status } from "../parts/bits.tsx";
import { Page } from "../parts/layout.tsx";
import { PlanAct } from "../parts/plan-act.tsx";
import { When } from "../parts/when.tsx";
import type { Frame } from "../visit.ts";

/** What the message page needs. */
export interface ShownDeadLetter {
  readonly record: ListedDeadLetter;
  /** The decoded body or the bytes as text. Personal data is masked unless `isRevealed`. */
  readonly body: string;
  readonly isRevealed: boolean;
  /** Not handled yet, or replayed with an outcome that nobody knows: the list shows it, and a plan takes it. */
  readonly isOpen: boolean;
  /** What an operator did with it; undefined for nothing. */
  readonly handled: Handling | undefined;
  /** What a replay would do now: `may be sent again`, or why not. */
  readonly verdict: { readonly isGood: boolean; readonly text: string };
  /** Of the saga, now; null if there is none. */
  readonly sagaStatus: string | null;
}

interface Props {
  readonly frame: Frame;
  readonly shown: ShownDeadLetter;
}

export function DeadLetterPage({ frame, shown }: Props) {
  const { record, body } = shown;
  const { dead_letter_id, error_code, error_message } = record;
  const error = `${error_code}: ${error_message}`;
  return (
    <Page frame={frame} title={`Dead letter ${dead_letter_id}`} current="dead-letters">
      <div class="page-head">
        <div>
          <p class="soft small">Dead letter, {typeOf(record)}</p>
          <h1 class="mono id">
            {dead_letter_id} <Copy text={dead_letter_id} what="its id" />
          </h1>
        </div>
        <Plans frame={frame} shown={shown} />
      </div>
      {shown.isRevealed ? (
        <Notice tone="info">
          <p>
            Personal data is shown in <a href="#body">the message below</a>. That you looked is in the audit
            trail. <a href={`/dead-letters/${shown.record.dead_letter_id}`}>Hide it</a>
          </p>
        </Notice>
      ) : null}
      <section class="card" aria-labelledby="error">
        <div class="card-head">
          <h2 id="error">Error</h2>
          <Copy text={error} what="the whole error" />
        </div>
        <pre tabIndex={0}>{error}</pre>
      </section>
      <WhatIsKnown shown={shown} />
      <section class="card" aria-labelledby="body">
        <div class="card-head">
          <h2 id="body">Message</h2>
          <Copy text={body} what="the message" />
        </div>
        <pre tabIndex={0}>{body}</pre>
      </section>
      <p class="small soft">
        On the command line: <CommandLine>{`checkoutctl dlq show ${dead_letter_id}`}</CommandLine>
      </p>
    </Page>
  );
}

function Plans({ frame, shown: { record, isRevealed, isOpen } }: Props) {
  const { dead_letter_id, replays } = record;
  const quarantined = isQuarantined(replays);
  const impossible = isOpen ? null : "it was handled already";
  const shared = { frame, impossible, what: "this dead letter" };
  const ids = <input type="hidden" name="id" value={dead_letter_id} />;
  const command = `checkoutctl dlq plan ${dead_letter_id}`;
  return (
    <div class="buttons">
      {isRevealed ? null : (
        <Act
          frame={frame}
          id="reveal"
          action={`/dead-letters/${dead_letter_id}/reveal`}
          label="Reveal personal data"
          confirm="Reveal"
          shows="page"
        >
          <p>Shows the e-mail and the address in this message. That you looked is kept in the audit trail.</p>
        </Act>
      )}
      <PlanAct {...shared} kind="replay" command={`${command}${quarantined ? " --quarantined" : ""}`}>
        {ids}
        {quarantined ? <input type="hidden" name="quarantined" value="1" /> : null}
      </PlanAct>
      <PlanAct {...shared} kind="discard" command={`${command} --discard`}>
        {ids}
      </PlanAct>
    </div>
  );
}

const OUTCOMES: ReadonlyMap<string, string> = new Map([
  ["handled", "its service handled it"],
  ["published", "the mail service took it"],
  ["retry pending", "it failed again, and its service keeps trying"],
  ["dead-lettered", "it failed again for good, and a new dead letter is open"],
]);

/** Who did what, when, in which run, and what came of it. */
function Handled({ by }: { readonly by: Handling }) {
  const { action, actor, at, run_id, outcome, reason } = by;
  const isReplay = action === "dead-letter.replay";
  const came = outcome === null ? "its outcome is not known" : (OUTCOMES.get(outcome) ?? outcome);
  return (
    <span>
      {isReplay ? "Replayed" : "Discarded"} by {actor} at <When at={at} show="both" /> by run{" "}
      <IdLink id={run_id} href={`/runs/${run_id}`} />: {isReplay ? came : reason}.
    </span>
  );
}

function WhatIsKnown({ shown: { record, verdict, sagaStatus, isOpen, handled } }: Pick<Props, "shown">) {
  const { saga_id, original, replays } = record;
  const facts: readonly (readonly [string, ComponentChildren])[] = [
    ["Service", `${record.service}, after ${plural(record.retry_count, "retry", "retries")}`],
    ["Handling", handled === undefined ? "open" : <Handled key="h" by={handled} />],
    [
      "A replay now",
      isOpen ? (
        <Status key="v" tone={verdict.isGood ? "good" : "warn"}>
          {verdict.text}
        </Status>
      ) : null,
    ],
    ["Replays without success", isQuarantined(replays) ? `${replays}, quarantined` : String(replays)],
    [
      "Saga",
      saga_id === null ? null : (
        <span key="s">
          <a class="mono" href={`/sagas/${saga_id}`}>
            {saga_id}
          </a>{" "}
          {sagaStatus ?? "unknown"}
        </span>
      ),
    ],
    ["Message's id", messageIdOf(record)],
    ["Where it was", `${original.topic}, partition ${original.partition}, offset ${original.offset}`],
    ["First failure", <When key="f" at={epochMsOf(record.first_failure_at)} show="both" />],
    ["Last failure", <When key="l" at={epochMsOf(record.last_failure_at)} show="both" />],
  ];
  return <Facts facts={facts} look="facts card" />;
}
