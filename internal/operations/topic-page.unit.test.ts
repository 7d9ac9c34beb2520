// Pages of topics in memory: nothing is left out or shown twice when somebody goes on, in either direction, and the work is bounded.
import { describe, expect, test } from "bun:test";
import { firstIdOf } from "../kernel/time-of-id.ts";
import { partitionOf } from "../messaging/partition-of.ts";
import { type FakePartition, FakeTopic } from "../testkit/fake-topic.ts";
import { type PageLimits, readTopicPage, type TopicPage } from "./topic-page.ts";
import { parseTopicRequest } from "./topic-request.ts";

const never = new AbortController().signal;
const LIMITS: PageLimits = { messages: 4, looked: 1_000, signal: never };

function pageOf(topic: FakeTopic, query: string, limits: Partial<PageLimits> = {}): Promise<TopicPage> {
  const read = parseTopicRequest(new URLSearchParams(query));
  if ("faults" in read) throw new Error(read.faults.join("; "));
  return readTopicPage("topic", topic, read.request, { ...LIMITS, ...limits });
}

const placesOf = ({ messages }: TopicPage) =>
  messages.map(({ partition, offset }) => `${partition}:${offset}`);

/** All pages from here on, in one direction. */
async function allPages(topic: FakeTopic, query: string, direction: "newer" | "older"): Promise<TopicPage[]> {
  const pages = [await pageOf(topic, query)];
  for (;;) {
    const next = pages.at(-1)?.[direction] ?? null;
    if (next === null) return pages;
    const fields = new URLSearchParams(query);
    fields.set(direction === "newer" ? "from" : "to", next);
    pages.push(await pageOf(topic, fields.toString()));
    if (pages.length > 100) throw new Error("it never ends");
  }
}

const messages = (count: number, at: (index: number) => number = (index) => index * 1_000) =>
  Array.from({ length: count }, (_, index) => ({ type: "T", at: at(index) }));

/** Two partitions whose times alternate, one that is empty, and one whose times go back. */
const MIXED: readonly FakePartition[] = [
  { low: 10, values: messages(7, (index) => index * 2_000) },
  { low: 0, values: messages(9, (index) => 1_000 + index * 2_000) },
  { low: 5, values: [] },
  { low: 0, values: messages(6, (index) => 9_000 - index * 1_000) },
];
const EVERYTHING = MIXED.flatMap(({ low, values }, partition) =>
  values.map((_, index) => `${partition}:${low + index}`),
);

describe("the newest", () => {
  test("come first, of all partitions", async () => {
    const page = await pageOf(new FakeTopic(MIXED), "");
    expect([page.order, page.stopped]).toEqual(["newest first", "full"]);
    expect(placesOf(page)).toEqual(["1:8", "1:7", "1:6", "0:16"]);
    expect(page.newer).toBeNull();
  });

  test("going on to older ones shows each message once", async () => {
    const pages = await allPages(new FakeTopic(MIXED), "", "older");
    expect(pages.flatMap(placesOf).toSorted()).toEqual(EVERYTHING.toSorted());
    expect(pages.at(-1)?.stopped).toBe("end");
  });

  test("what is newer than an older page is what was before it", async () => {
    const topic = new FakeTopic([{ low: 0, values: messages(12) }]);
    const [, second] = await allPages(topic, "", "older");
    expect(second === undefined ? [] : placesOf(second)).toEqual(["0:7", "0:6", "0:5", "0:4"]);
    expect(placesOf(await pageOf(topic, `from=${second?.newer}`))).toEqual(["0:8", "0:9", "0:10", "0:11"]);
  });

  test("of an empty topic are none", async () => {
    const page = await pageOf(new FakeTopic([{ low: 0, values: [] }]), "");
    expect(page).toMatchObject({
      messages: [],
      stopped: "end",
      newer: null,
      older: null,
      older_deleted: false,
    });
  });
});

describe("from a time on", () => {
  test("begins with the first message of that time in each partition, and goes on without gaps", async () => {
    const topic = new FakeTopic(MIXED.slice(0, 3));
    const first = await pageOf(topic, "at=1970-01-01T00:00:05Z");
    expect(placesOf(first)).toEqual(["1:2", "0:13", "1:3", "0:14"]);
    const pages = await allPages(topic, "at=1970-01-01T00:00:05Z", "newer");
    expect(pages.flatMap(placesOf)).toHaveLength(4 + 7);
    const older = await allPages(topic, `to=${first.older}`, "older");
    expect([...pages, ...older].flatMap(placesOf).toSorted()).toEqual(
      EVERYTHING.filter((place) => !place.startsWith("3:")).toSorted(),
    );
  });

  test("many messages of one moment are on several pages, each once", async () => {
    const topic = new FakeTopic([{ low: 0, values: messages(11, () => 7_000) }]);
    const pages = await allPages(topic, "at=1970-01-01T00:00:07Z", "newer");
    expect(pages.flatMap(placesOf)).toEqual(Array.from({ length: 11 }, (_, index) => `0:${index}`));
  });

  test("after the last message there is nothing", async () => {
    const page = await pageOf(new FakeTopic(MIXED), "at=1990-01-01T00:00:00Z");
    expect(page).toMatchObject({ messages: [], stopped: "end", newer: null, older_deleted: false });
    expect(page.older).not.toBeNull();
  });

  test("a time from before the first message says that older ones were deleted only if some were", async () => {
    const at = "at=1970-01-01T00:00:00Z";
    expect((await pageOf(new FakeTopic([{ low: 10, values: messages(2) }]), at)).older_deleted).toBe(true);
    expect((await pageOf(new FakeTopic([{ low: 0, values: messages(2) }]), at)).older_deleted).toBe(false);
  });
});

describe("from an offset on", () => {
  test("one that Kafka no longer has begins at the first that is left, and one to come is the end", async () => {
    const topic = new FakeTopic([{ low: 10, values: messages(3) }]);
    const gone = await pageOf(topic, "partition=0&offset=2");
    expect([placesOf(gone), gone.older_deleted]).toEqual([["0:10", "0:11", "0:12"], true]);
    const ahead = await pageOf(topic, "partition=0&offset=500");
    expect(ahead).toMatchObject({ messages: [], stopped: "end", newer: null, older: "0:13" });
  });

  test("offsets without messages are passed over, in both directions", async () => {
    const values = [...messages(2), ...Array.from({ length: 30 }, () => undefined), ...messages(3)];
    const topic = new FakeTopic([{ low: 0, values }]);
    const all = ["0:0", "0:1", "0:32", "0:33", "0:34"];
    const upwards = await allPages(topic, "partition=0&offset=0", "newer");
    expect(upwards.flatMap(placesOf)).toEqual(all);
    expect((await allPages(topic, "partition=0", "older")).flatMap(placesOf)).toEqual(all.toReversed());
  });

  test("a partition that is not there is refused", async () => {
    const refused = await pageOf(new FakeTopic(MIXED), "partition=4&offset=0").catch(String);
    expect(refused).toContain("topic has no partition 4, only 4 from 0 on");
  });

  test("a message that is not JSON, and an e-mail address", async () => {
    const values = ["\xff", { type: "SendEmail", saga_id: "s", email: "a@b.example", key: "a@b.example" }];
    const { messages: found } = await pageOf(new FakeTopic([{ low: 0, values }]), "partition=0&offset=0");
    expect(found).toMatchObject([
      { type: "not JSON", value: null },
      { type: "SendEmail", saga_id: "s", key: "(masked)", value: { email: "(masked)" } },
    ]);
  });
});

describe("of a saga", () => {
  const BORN = 100_000;
  const SAGA = firstIdOf(BORN).replace("-0000-0000", "-7000-8000");
  const OWN = partitionOf(SAGA, 2);
  /** A message a second, of others but for those at these seconds. Its first message is older than its id, by the broker's clock. */
  const partition = (seconds: readonly number[], count = 400) => ({
    low: 0,
    values: Array.from({ length: count }, (_, index) => ({
      saga_id: seconds.includes(index) ? SAGA : "another",
      at: index * 1_000,
    })),
  });
  const topicWith = (seconds: readonly number[]) =>
    new FakeTopic([0, 1].map((one) => partition(one === OWN ? seconds : [5])));

  test("reads only its partition, and nothing from before its birth", async () => {
    const topic = topicWith([98, 120, 380]);
    const page = await pageOf(topic, `saga=${SAGA}`);
    expect(placesOf(page)).toEqual([98, 120, 380].map((offset) => `${OWN}:${offset}`));
    expect(page).toMatchObject({ order: "oldest first", stopped: "end", newer: null, older: null });
    expect(page.read).toEqual([{ partition: OWN, from: 40, to: 400 }]);
    expect(topic.reads.filter((place) => !place.startsWith(`${OWN}:`))).toEqual([]);
  });

  test("also finds what does not name its saga, by its key", async () => {
    const values = [
      { at: BORN, key: SAGA },
      { at: BORN, key: "another" },
    ];
    const page = await pageOf(new FakeTopic([0, 1].map(() => ({ low: 0, values }))), `saga=${SAGA}`);
    expect(page.messages).toMatchObject([{ offset: 0, key: SAGA, saga_id: null }]);
  });

  test("also from the end back", async () => {
    const page = await pageOf(topicWith([98, 120, 380]), `saga=${SAGA}&to=end`, { messages: 2 });
    expect(placesOf(page)).toEqual([`${OWN}:380`, `${OWN}:120`]);
    const rest = await pageOf(topicWith([98, 120, 380]), `saga=${SAGA}&to=${page.older}`);
    expect([placesOf(rest), rest.stopped, rest.older]).toEqual([[`${OWN}:98`], "end", null]);
  });

  test("looks through no more than it may, says so, and goes on from there", async () => {
    const topic = topicWith([380]);
    const page = await pageOf(topic, `saga=${SAGA}`, { looked: 100 });
    expect(page).toMatchObject({ messages: [], stopped: "messages", newer: `${OWN}:140` });
    expect(topic.reads).toHaveLength(100);
    const next = await pageOf(topic, `saga=${SAGA}&from=${page.newer}`);
    expect(placesOf(next)).toEqual([`${OWN}:380`]);
  });

  test("one without a message", async () => {
    const page = await pageOf(topicWith([]), `saga=${SAGA}`);
    expect(page).toMatchObject({ messages: [], stopped: "end", newer: null, older: null });
  });

  test("a saga from before the first message that Kafka still has", async () => {
    const values = messages(3, (index) => (300 + index) * 1_000);
    const topic = new FakeTopic([0, 1].map(() => ({ low: 50, values })));
    expect(await pageOf(topic, `saga=${SAGA}`)).toMatchObject({ messages: [], older_deleted: true });
  });
});

test("when its time is over it shows what it has, and the next page begins there", async () => {
  const late = new AbortController();
  const topic = new (class extends FakeTopic {
    override async read(...[ranges, take, signal]: Parameters<FakeTopic["read"]>) {
      return super.read(
        ranges,
        (batch) => {
          take(batch);
          late.abort();
        },
        signal,
      );
    }
  })([{ low: 0, values: messages(12) }]);
  const page = await pageOf(topic, "partition=0&offset=0", { messages: 10, signal: late.signal });
  expect([placesOf(page), page.stopped, page.newer]).toEqual([["0:0", "0:1", "0:2"], "seconds", "0:3"]);
  // Looking back, a window of which the newest messages are missing is left to the next page.
  const back = await pageOf(topic, "partition=0", { messages: 10, signal: late.signal });
  expect([placesOf(back), back.stopped, back.older]).toEqual([[], "seconds", "0:12"]);
});
