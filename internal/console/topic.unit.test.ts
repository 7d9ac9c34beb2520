// The page of a topic: what it shows, the addresses beside it, its files, and what is left of it without Kafka.
import { describe, expect, test } from "bun:test";
import { AppError } from "../kernel/errors.ts";
import { TopicBrowser } from "../operations/topic-browser.ts";
import { consoleOptions, NOW, topicsOf, VIEWER } from "../testkit/console.ts";
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
  const away = { partitionsOf: fail, browser: new TopicBrowser({ open: fail }) };

  test("everything is unknown and nothing is 0, and the form stays", async () => {
    const { status, text } = await answerTo(`${PAGE}?saga=${SAGA}`, away);
    expect(status).toBe(503);
    expect(text).toContain("unknown since");
    expect(text).toContain("The messages cannot be read now: cannot reach Kafka at kafka:9092");
    expect(text).toContain(`name="saga" value="${SAGA}"`);
    expect(text).not.toContain("0 messages");
  });

  test("there is no file", async () => {
    for (const path of [`${PAGE}?as=csv`, `${PAGE}?as=json&table=partitions`])
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
});
