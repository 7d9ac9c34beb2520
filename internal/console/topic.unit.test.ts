// The page of a topic: what it shows, the addresses beside it, its files, and what is left of it without Kafka.
import { describe, expect, test } from "bun:test";
import { AppError } from "../kernel/errors.ts";
import { TopicBrowser } from "../operations/topic-browser.ts";
import type { PartitionReading, TopicReading } from "../../schemas/overview.ts";
import { consoleOptions, NOW, readingOf, topicsOf, VIEWER } from "../testkit/console.ts";
import { ConsoleBrowser } from "../testkit/console-browser.ts";
import type { ConsoleOptions } from "./options.ts";

const PAGE = "/topics/checkout-commands";
const SAGA = "01a22094-0000-7000-8aeb-8ad3b5d13262";
const message = (n: number, saga_id = SAGA) => ({
  type: `Type${n}`,
  saga_id,
  email: "a@b.example",
  at: NOW + n,
});

async function answerTo(
  path: string,
  topics: ConsoleOptions["topics"] = topicsOf([message(0), message(1), message(2)], 7),
): Promise<{ readonly status: number; readonly text: string }> {
  const browser = new ConsoleBrowser(
    consoleOptions({ topics, identify: async () => ({ ...VIEWER, token: "x", expiresAt: NOW + 60_000 }) }),
  );
  expect((await browser.post("/sign-in", { token: "x" })).status).toBe(303);
  const answer = await browser.get(path);
  return { status: answer.status, text: await answer.text() };
}

const typesIn = (html: string) => [...html.matchAll(/<summary>(Type\d+)</g)].map(([, type]) => type);

describe("messages", () => {
  test("without a search are the newest, masked, with the command that does the same", async () => {
    const { status, text } = await answerTo(PAGE);
    expect([status, typesIn(text)]).toEqual([200, ["Type2", "Type1", "Type0"]]);
    expect(text).toContain("(masked)");
    expect(text).not.toContain("a@b.example");
    expect(text).toContain("checkoutctl topics read checkout-commands<");
    expect(text).toContain("Kafka no longer has older ones");
  });

  test("of a saga keep the search in the form, in the command and in what follows", async () => {
    const { text } = await answerTo(`${PAGE}?saga=${SAGA}&at=&partition=&offset=`);
    expect(typesIn(text)).toEqual(["Type0", "Type1", "Type2"]);
    expect(text).toContain(`name="saga" value="${SAGA}"`);
    expect(text).toContain(`checkoutctl topics read checkout-commands --saga ${SAGA}<`);
    expect(text).toContain(`href="${PAGE}?saga=${SAGA}&amp;to=end"`);
  });

  test("from an offset on have a page before, and none after the last", async () => {
    const { text } = await answerTo(`${PAGE}?partition=0&offset=9`);
    expect(typesIn(text)).toEqual(["Type2"]);
    expect(text).toContain(`<a href="${PAGE}?partition=0&amp;offset=9&amp;to=0%3A9">Older</a>`);
    expect(text).not.toContain(">Newer</a>");
  });

  test("a saga without one, and an empty topic, are told in words", async () => {
    const { text } = await answerTo(`${PAGE}?saga=${SAGA}`, topicsOf([message(0, "another")]));
    expect(text).toContain("No message of this saga in what was looked through");
    expect((await answerTo(PAGE, topicsOf([]))).text).toContain("There is no message here");
  });
});

test("a wrong search is named as in the form, and the partitions are shown", async () => {
  const { status, text } = await answerTo(`${PAGE}?saga=7&at=yesterday&offset=3`);
  expect(status).toBe(422);
  for (const words of [
    "Saga must be a saga's id",
    "From a time on (UTC) must be a time",
    "From its offset on needs a partition",
    'value="yesterday"',
    "1 partition, 3 messages, payment has 1 to read",
  ])
    expect([words, text.includes(words)]).toEqual([words, true]);
  const refused = await answerTo(`${PAGE}?partition=9`);
  expect([refused.status, refused.text.includes("has no partition 9")]).toEqual([422, true]);
  expect((await answerTo("/topics/others")).status).toBe(404);
});

describe("without Kafka", () => {
  const fail = async () => {
    throw new AppError("KAFKA_UNAVAILABLE", "cannot reach Kafka at kafka:9092");
  };
  const away = { readingOf: fail, browser: new TopicBrowser({ open: fail }) };

  test("everything is unknown and nothing is 0, and the form stays", async () => {
    const { status, text } = await answerTo(`${PAGE}?saga=${SAGA}`, away);
    expect(status).toBe(503);
    expect(text).toContain("unknown since");
    expect(text).toContain("The messages cannot be read now: cannot reach Kafka at kafka:9092");
    expect(text).toContain(`name="saga" value="${SAGA}"`);
    expect(text).not.toContain("0 messages");
  });

  test("there is no file", async () => {
    for (const path of [`${PAGE}?as=csv`, `${PAGE}?as=json&table=partitions`, `${PAGE}?as=csv&table=readers`])
      expect([path, (await answerTo(path, away)).status]).toEqual([path, 503]);
  });
});

describe("as a file", () => {
  test("messages have their JSON without personal data", async () => {
    const { text } = await answerTo(`${PAGE}?partition=0&offset=8&as=json`);
    const rows: { offset: number; message: string }[] = JSON.parse(text);
    expect(rows.map(({ offset }) => offset)).toEqual([8, 9]);
    expect(JSON.parse(rows[0]?.message ?? "")).toMatchObject({ type: "Type1", email: "(masked)" });
  });

  test("one that is cut tells where it goes on", async () => {
    const many = topicsOf(Array.from({ length: 1_200 }, (_, n) => message(n)));
    const { text } = await answerTo(`${PAGE}?partition=0&offset=0&as=json`, many);
    const rows: { readonly next?: string }[] = JSON.parse(text);
    expect(rows).toHaveLength(1_001);
    const { text: rest } = await answerTo(rows.at(-1)?.next ?? "", many);
    expect(JSON.parse(rest)).toHaveLength(200);
  });

  test("partitions", async () => {
    const { text } = await answerTo(`${PAGE}?table=partitions&as=csv`);
    expect(text).toBe("partition,first,end,messages,lag_payment\r\n0,7,10,3,1\r\n");
  });

  test("who reads it", async () => {
    const { text } = await answerTo(`${PAGE}?table=readers&as=csv`);
    expect(text).toBe(
      "group,partition,committed,end,lag,member,host,unmoved_since\r\n" +
        "payment,0,9,10,1,payment-a,10.0.0.7,2026-11-29T12:03:25.000Z\r\n",
    );
  });
});

describe("who reads it", () => {
  const shown = async (reading: Partial<TopicReading>) => {
    const topics = { ...topicsOf([]), readingOf: async () => ({ ...readingOf(0, 9), ...reading }) };
    return (await answerTo(PAGE, topics)).text.replaceAll(/<[^>]+>/g, " ").replaceAll(/\s+/g, " ");
  };
  const [place] = readingOf(0, 9).partitions.flatMap(({ groups }) => groups);
  if (place === undefined) throw new Error("no place");
  const at = (partition: number, more: Partial<PartitionReading> = {}) => ({
    partition,
    first: 0,
    end: 9,
    groups: [{ ...place, ...more }],
  });

  test("is the member that stands still, with its partitions and for how long", async () => {
    const other = { id: "payment-77", instance: null, host: "10.0.0.8" };
    const text = await shown({
      partitions: [at(0), at(1), at(3), at(2, { member: other, unmoved_since: NOW - 500 })],
    });
    expect(text).toContain("payment payment-a 10.0.0.7 0-1, 3 3 stuck for 40 s at partitions 0-1, 3");
    expect(text).toContain("payment payment-77 10.0.0.8 2 1 no stop of 10 s was seen");
    expect(text).toContain("checkoutctl topics lag checkout-commands");
  });

  test("is nobody, or not known, which is not the same", async () => {
    const nobody = { partitions: [at(0, { member: null })] };
    expect(
      await shown({ ...nobody, groups: [{ group: "payment", state: "Empty", unknown: null }] }),
    ).toContain("payment nobody (Empty) 0 1 stuck for 40 s at partition 0");
    const why = "Broker: Group authorization failed";
    const text = await shown({ ...nobody, groups: [{ group: "payment", state: null, unknown: why }] });
    expect(text).toContain("payment not known");
    expect(text).toContain(`Who reads for payment is not known: ${why}`);
    expect(text).not.toContain("nobody");
  });

  test("has read everything, or there is no group", async () => {
    expect(await shown({ partitions: [at(0, { lag: 0, unmoved_since: null })] })).toContain(
      "has read everything",
    );
    expect(await shown({ groups: [] })).toContain("No group reads it.");
  });
});
