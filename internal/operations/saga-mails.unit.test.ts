import { expect, test } from "bun:test";
import { sqlThat, storyOf } from "../testkit/console.ts";
import { withMails } from "./saga-mails.ts";

const story = storyOf();
const { saga_id, created_at } = story.saga;
const ROW = {
  mail_key: `${saga_id}.order-shipped.TRACK-4711`,
  attempts: 2,
  first_failed_at: created_at + 100,
  stored_at: created_at + 100,
  next_attempt_at: Date.parse("2026-11-29T12:05:00.000Z"),
  last_reply: "451 4.7.1 <ada.lovelace@example.com>: Recipient address rejected: greylisted",
};
const asked = {
  id: "m-1",
  at: created_at + 90,
  who: "saga",
  kind: "message",
  what: "SendNotification to notification-commands, in Kafka within 5 ms",
  failed: false,
  detail: { published_at: created_at + 95 },
} as const;

test("a mail that waits is in the timeline at its time, without the shopper's address and tracking number", async () => {
  const notification = sqlThat(async () => [ROW]);
  const withAsked = { ...story, timeline: [asked, ...story.timeline] };
  const { story: told, mails } = await withMails(notification, withAsked, { reveal: false });
  expect([mails.asked, mails.last_asked_at, mails.missing]).toEqual([1, created_at + 95, null]);
  const at = told.timeline.findIndex(({ who }) => who === "notification");
  expect(told.timeline[at]?.what).toBe(
    "mail order-shipped waits, failed 2 times, next attempt at 12:05:00 UTC: 451 4.7.1 <(masked)>: Recipient address rejected: greylisted",
  );
  expect(told.timeline.map((event) => event.at)).toEqual(
    told.timeline.map((event) => event.at).toSorted((one, other) => one - other),
  );
  expect(JSON.stringify(told)).not.toMatch(/ada\.lovelace|4711/);
  const revealed = await withMails(notification, story, { reveal: true });
  expect(JSON.stringify(revealed.story)).toMatch(/ada\.lovelace@example\.com.*|TRACK-4711/);
});

test("a database that is away is named, and nothing is taken for sent", async () => {
  const error = Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" });
  const { story: told, mails } = await withMails(
    sqlThat(() => Promise.reject(error)),
    story,
    { reveal: false },
  );
  expect(told.missing).toEqual([
    { database: "notification", reason: expect.stringContaining("ECONNREFUSED") },
  ]);
  expect(mails.missing).toEqual(told.missing[0] ?? null);
  expect(told.timeline).toEqual(story.timeline);
});

test("the newest mail that was asked for counts, and one of which the time is not known leaves it open", async () => {
  const lastOf = async (...details: readonly object[]) => {
    const timeline = details.map((detail, index) => ({ ...asked, id: `m-${index}`, detail }));
    const answer = withMails(
      sqlThat(async () => []),
      { ...story, timeline },
      { reveal: false },
    );
    return (await answer).mails.last_asked_at;
  };
  expect(await lastOf({ published_at: 200 }, { published_at: 300 }, { published_at: 100 })).toBe(300);
  expect(await lastOf({ published_at: 200 }, {})).toBeNull();
  expect(await lastOf()).toBeNull();
});
