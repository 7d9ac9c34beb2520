// Mails by a real Kafka, a real Redis and a real SMTP server: each shopper hears once, and mail trouble stays where it is.
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { SMTPServer } from "smtp-server";
import { Value } from "@sinclair/typebox/value";
import { DeadLetter } from "../../../schemas/dead-letter.ts";
import type { SendNotification } from "../../../schemas/notification.ts";
import { TOPICS } from "../../../schemas/topics.ts";
import { FIELD_SEPARATOR, type KeyValue, RECORD_SEPARATOR } from "../../kernel/ports.ts";
import { openConsumer } from "../../platform/kafka/consumer.ts";
import { openProducer } from "../../platform/kafka/producer.ts";
import { readTopic } from "../../platform/kafka/read-topic.ts";
import { openRedis } from "../../platform/redis.ts";
import { deadLetterTopic, freshTopic } from "../../testkit/kafka.ts";
import { kafkaBrokers, redisUrl } from "../../testkit/servers.ts";
import { Notifier, type NotifierOptions } from "./notifier.ts";
import { openSmtp } from "./smtp.ts";

const brokers = kafkaBrokers();
const quiet = { info: ignore, warn: ignore, error: ignore };
const noCounter = { inc: ignore };
const neverStops = new AbortController().signal;
const metrics = { sent: noCounter, failures: noCounter, duplicates: noCounter, deadLettered: noCounter };

/** What a mail server is told to answer to the next recipients, by address; others are taken. */
const answers = new Map<string, number[]>();
let received: string[] = [];
/** Every address that mail was addressed to, as the server was told it. */
let recipients: string[] = [];
const mailServer = new SMTPServer({
  authOptional: true,
  disabledCommands: ["STARTTLS", "AUTH"],
  disableReverseLookup: true,
  onRcptTo({ address }, _session, done) {
    recipients.push(address);
    const code = answers.get(address)?.shift();
    done(code === undefined ? null : Object.assign(new Error("no"), { responseCode: code }));
  },
  onData(stream, _session, done) {
    let source = "";
    stream.on("data", (chunk: Buffer) => (source += chunk.toString()));
    stream.on("end", () => {
      received.push(source);
      done();
    });
  },
});

let producer: Awaited<ReturnType<typeof openProducer>>;
let smtp: ReturnType<typeof openSmtp>;
let topic: string;

beforeAll(async () => {
  await new Promise<void>((resolve) => void mailServer.listen(0, "127.0.0.1", resolve));
  const address = mailServer.server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  smtp = openSmtp({ url: `smtp://127.0.0.1:${port}`, from: "shop@example.com" });
  producer = await openProducer({ brokers, clientId: "test" });
  await deadLetterTopic();
});
afterAll(async () => {
  await producer[Symbol.asyncDispose]();
  await smtp[Symbol.asyncDispose]();
  await new Promise<void>((resolve) => mailServer.close(resolve));
});
beforeEach(async () => {
  received = [];
  recipients = [];
  topic = await freshTopic();
});

test("each saga's mail is sent once, however often it is asked for", async () => {
  const [one, two] = [command(), command("checkout_failed")];
  await send(one, two, { ...one, message_id: Bun.randomUUIDv7() });
  await usingNotifier(async (notifier) => untilMails(notifier, 2));
  expect(
    received.filter((mail) => mail.includes(`Message-ID: <${one.saga_id}.order_confirmed@checkout>`)),
  ).toHaveLength(1);

  // Asked for again after a restart: Redis remembers.
  await send({ ...two, message_id: Bun.randomUUIDv7() }, command());
  await usingNotifier(async (notifier) => untilMails(notifier, 3));
  expect(received.filter((mail) => mail.includes(two.saga_id))).toHaveLength(1);
});

test("an address is one address, whatever characters it has: nobody else is written to", async () => {
  // What an older gateway let in; today's refuses it.
  const odd = { ...command(), email: "ada,smith@example.com" };
  await send(odd);
  await usingNotifier(async (notifier) => untilMails(notifier, 1));
  expect(recipients).toEqual(['"ada,smith"@example.com']);
  expect(received[0]).toContain('To: <"ada,smith"@example.com>');
});

test("a stop in the middle of a retry leaves the mail to the next process", async () => {
  const interrupted = command();
  answers.set(interrupted.email, [451]);
  await send(interrupted);
  await usingNotifier(
    async (notifier) => {
      const stop = new AbortController();
      const running = notifier.runOnce(stop.signal);
      await waitUntil(() => answers.get(interrupted.email)?.length === 0);
      stop.abort();
      await running;
    },
    { retryDelaysMs: [60_000] },
  );
  expect(received).toEqual([]);
  await usingNotifier(async (notifier) => untilMails(notifier, 1));
});

test("a mail server in trouble is asked again, and its neighbours do not wait for it", async () => {
  const slow = command();
  answers.set(slow.email, [451, 451]);
  await send(slow, command());
  await usingNotifier(async (notifier) => untilMails(notifier, 2));
  expect(received.at(-1)).toContain(slow.saga_id);
});

test.each([
  ["refused for good", [550], "MAIL_REFUSED", 0],
  ["never taken", [451, 451, 451, 451], "MAIL_UNDELIVERED", 3],
] as const)(
  "a mail that is %s goes to the dead-letter queue, and the next one is sent",
  async (_, replies, error_code, retry_count) => {
    const bad = command();
    answers.set(bad.email, [...replies]);
    await send(bad);
    await usingNotifier(async (notifier) => {
      await notifier.runOnce(neverStops);
      await send(command());
      await untilMails(notifier, 1);
    });
    const letter = (await deadLetters()).find(({ saga_id }) => saga_id === bad.saga_id);
    expect(letter).toMatchObject({ service: "notification", error_code, retry_count, original_command: bad });
  },
);

test("without Redis mails are sent all the same", async () => {
  const nothing: KeyValue = {
    present: (keys) => Promise.resolve(keys.map(() => false)),
    remember: () => Promise.resolve(),
  };
  await send(command());
  await usingNotifier(async (notifier) => untilMails(notifier, 1), { keyValue: nothing });
});

/** One confirmed order, of a shopper of its own. */
function command(template: SendNotification["template"] = "order_confirmed"): SendNotification {
  const saga_id = Bun.randomUUIDv7();
  return {
    message_id: Bun.randomUUIDv7(),
    type: "SendNotification",
    schema_version: 1,
    saga_id,
    occurred_at: "2026-11-23T12:00:00.000Z",
    user_id: saga_id,
    email: `${saga_id}@example.com`,
    template,
    currency: "EUR",
  };
}

async function send(...commands: readonly SendNotification[]): Promise<void> {
  const records = commands.map((each) =>
    [topic, each.saga_id, each.type, JSON.stringify(each)].join(FIELD_SEPARATOR),
  );
  expect(await producer.produce(records.join(RECORD_SEPARATOR))).toEqual([]);
}

/** A process of its own, in the test's consumer group. */
async function usingNotifier(
  work: (notifier: Notifier) => Promise<void>,
  changes: Partial<NotifierOptions> = {},
): Promise<void> {
  await using redis = openRedis({ url: redisUrl(), timeoutMs: 1_000, log: quiet });
  await waitUntil(() => redis.ready().then(...ok));
  await using consumer = await openConsumer({
    brokers,
    clientId: "test",
    groupId: topic,
    topics: [topic],
    types: [],
  });
  const notifier = new Notifier({
    consumer,
    producer,
    keyValue: redis,
    send: smtp.send,
    clock: { now: () => Date.now() },
    random: Math.random,
    metrics,
    log: quiet,
    retryDelaysMs: [10, 20, 30],
    ...changes,
  });
  await work(notifier);
}

/** Runs until so many mails have arrived in all, and what brought them is committed. */
function untilMails(notifier: Notifier, count: number): Promise<void> {
  return waitUntil(async () => {
    await notifier.runOnce(neverStops);
    return received.length >= count;
  });
}

async function deadLetters(): Promise<readonly DeadLetter[]> {
  const letters: DeadLetter[] = [];
  for await (const { values } of readTopic({ brokers, clientId: "test", topic: TOPICS.deadLetters }))
    for (const value of values) if (Value.Check(DeadLetter, value)) letters.push(value);
  return letters;
}

const ok = [() => true, () => false] as const;

/** Waits for a level, at most 20 s. */
async function waitUntil(condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error("waited 20 s in vain");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

function ignore(): void {}
