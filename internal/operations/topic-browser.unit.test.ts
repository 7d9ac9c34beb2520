import { expect, test } from "bun:test";
import { errorOf } from "../testkit/kafka.ts";
import { FakeTopic } from "../testkit/fake-topic.ts";
import { TopicBrowser } from "./topic-browser.ts";
import type { TopicRequest } from "./topic-request.ts";

const NEWEST: TopicRequest = { sagaId: null, partition: null, at: null, offset: null, turn: null };

test("reads few pages at a time, and refuses the next one until another ends", async () => {
  const topic = new FakeTopic([{ low: 0, values: [{}] }]);
  const opened = Promise.withResolvers<FakeTopic>();
  const browser = new TopicBrowser({ open: () => opened.promise, atMost: 2 });
  const both = [1, 2].map(() => browser.page("topic", NEWEST, 10));
  expect(await errorOf(browser.page("topic", NEWEST, 10))).toMatchObject({ code: "SERVICE_UNAVAILABLE" });
  opened.resolve(topic);
  expect((await Promise.all(both)).map(({ messages }) => messages.length)).toEqual([1, 1]);
  expect((await browser.page("topic", NEWEST, 10)).messages).toHaveLength(1);
});

test("closes its reader also when reading fails, and others may read then", async () => {
  const broken = new (class extends FakeTopic {
    override spans(): never {
      throw new Error("no answer");
    }
  })([]);
  const browser = new TopicBrowser({ open: async () => broken, atMost: 1 });
  for (const time of [1, 2])
    expect([time, await errorOf(browser.page("topic", NEWEST, 10))]).toMatchObject([
      time,
      { message: "no answer" },
    ]);
  expect(broken.isClosed).toBe(true);
  const away = new TopicBrowser({ open: () => Promise.reject(new Error("away")), atMost: 1 });
  for (const time of [1, 2])
    expect([time, await errorOf(away.page("topic", NEWEST, 10))]).toMatchObject([time, { message: "away" }]);
});

test("stops when whoever asked has gone", async () => {
  const topic = new FakeTopic([{ low: 0, values: [{}] }]);
  const browser = new TopicBrowser({ open: async () => topic });
  const page = await browser.page("topic", NEWEST, 10, AbortSignal.abort());
  expect([page.messages, page.stopped, topic.isClosed]).toEqual([[], "seconds", true]);
});
