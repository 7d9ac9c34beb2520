// What became of a saga's mails: those that wait, with the mail server's reply, and those that were sent. Adds them to the saga's
// story. Called by the console.
//
// A mail that was sent leaves no row: only the mail server knows it, and for a while Redis. So a mail that was asked for and does not wait was
// sent, or it was given up and is a dead letter of the notification service, or that service has not read it yet.
import { Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import type { Sql } from "postgres";
import { plural } from "../kernel/counted.ts";
import { timestampOf } from "../kernel/timestamp.ts";
import { within } from "./ask.ts";
import { maskedText } from "./mask.ts";
import { type Missing, reached } from "./reach.ts";
import { waitingMailsOf, type WaitingMailRow } from "./saga-mails-store.ts";
import { FIRST, type SagaStory, type StoryEvent } from "./saga-story.ts";

export interface SagaMails {
  /** In Kafka for the notification service, as far as the outboxes still have them. */
  readonly asked: number;
  /** When the newest of them was in Kafka for certain, epoch ms; null if that is not known. */
  readonly last_asked_at: number | null;
  readonly waiting: readonly WaitingMailRow[];
  readonly missing: Missing | null;
}

const Published = Type.Object({ published_at: Type.Number() });
/** A person waits for the page. */
const TIMEOUT_MS = 3_000;

/** The story with its mails in the timeline. `reveal` shows addresses, which the caller audits. */
export async function withMails(
  notification: Sql,
  story: SagaStory,
  { reveal }: { readonly reveal: boolean },
): Promise<{ readonly story: SagaStory; readonly mails: SagaMails }> {
  const { saga_id } = story.saga;
  const found = await reached("notification", () =>
    within(TIMEOUT_MS, () => waitingMailsOf(notification, saga_id)),
  );
  const waiting = "answer" in found ? found.answer : [];
  const missing = "missing" in found ? found.missing : null;
  const asked = story.timeline.filter(isAsked);
  const timeline = [...story.timeline, ...waiting.map((row) => waits(row, saga_id, reveal))];
  return {
    story: {
      ...story,
      timeline: timeline.toSorted((one, other) => one.at - other.at),
      missing: missing === null ? story.missing : [...story.missing, missing],
    },
    mails: { asked: asked.length, last_asked_at: lastAskedAt(asked), waiting, missing },
  };
}

function isAsked({ id, kind, what }: StoryEvent): boolean {
  return kind === "message" && !id.endsWith(FIRST) && what.startsWith("SendNotification ");
}

function lastAskedAt(asked: readonly StoryEvent[]): number | null {
  const times = asked.map(({ detail }) => (Value.Check(Published, detail) ? detail.published_at : Infinity));
  const last = Math.max(...times);
  return Number.isFinite(last) ? last : null;
}

function waits(row: WaitingMailRow, sagaId: string, reveal: boolean): StoryEvent {
  const { mail_key, attempts, stored_at, next_attempt_at } = row;
  const last_reply = reveal ? row.last_reply : maskedText(row.last_reply);
  const [template = ""] = mail_key.slice(sagaId.length + 1).split(".");
  const tries = attempts === 0 ? "" : `, failed ${plural(attempts, "time")}`;
  return {
    id: `mail-${template}-${stored_at}`,
    at: stored_at,
    who: "notification",
    kind: "waiting",
    what: `mail ${template} waits${tries}, next attempt at ${timestampOf(next_attempt_at).slice(11, 19)} UTC: ${last_reply}`,
    failed: true,
    // The key ends with the tracking number.
    detail: { ...row, mail_key: reveal ? mail_key : `${sagaId}.${template}`, last_reply },
  };
}
