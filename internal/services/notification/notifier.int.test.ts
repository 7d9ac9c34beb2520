// Mails through a real Kafka, Redis, Postgres and SMTP server: each shopper gets one mail, and a fault affects no other mail.
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { Value } from "@sinclair/typebox/value";
import { DeadLetter } from "../../../schemas/dead-letter.ts";
import type { SendNotification } from "../../../schemas/notification.ts";
import { TOPICS } from "../../../schemas/topics.ts";
import { FIELD_SEPARATOR, type KeyValue, RECORD_SEPARATOR } from "../../kernel/ports.ts";
import { openConsumer } from "../../platform/kafka/consumer.ts";
import { openProducer } from "../../platform/kafka/producer.ts";
import { readTopic } from "../../platform/kafka/read-topic.ts";
import { openRedis } from "../../platform/redis.ts";
import { cloneDatabase, type TestDatabase } from "../../testkit/database.ts";
import { deadLetterTopic, freshTopic } from "../../testkit/kafka.ts";
import { MailServer, PASSWORD } from "../../testkit/mail-server.ts";
import { kafkaBrokers, redisUrl } from "../../testkit/servers.ts";
import { Courier } from "./courier.ts";
import { sendToDeadLetters, Notifier } from "./notifier.ts";
import { openSmtp } from "./smtp.ts";
import { notificationMetrics } from "./telemetry.ts";
import { noNames } from "./product-names.ts";
import { WaitingMails } from "./waiting-mails.ts";

const brokers = kafkaBrokers();
const quiet = { info: ignore, warn: ignore, error: ignore };
const HOUR_MS = 60 * 60 * 1_000;
const server = new MailServer();
let database: TestDatabase;
let producer: Awaited<ReturnType<typeof openProducer>>;
let topic: string;

beforeAll(async () => {
  await server.start();
  database = await cloneDatabase("notification");
  producer = await openProducer({ brokers, clientId: "test" });
  await deadLetterTopic();
});
afterAll(async () => {
  await producer[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
  await database[Symbol.asyncDispose]();
});
beforeEach(async () => {
  server.reset();
  await database.sql`truncate waiting_mails`;
  topic = await freshTopic();
});

test("each saga's mail is sent once, however often it is requested", async () => {
  const [one, two] = [command(), command("checkout_failed")];
  await send(one, two, { ...one, message_id: Bun.randomUUIDv7() });
  await usingService(async (service) => service.untilMails(2));
  expect(
    server.sources.filter((mail) => mail.includes(`Message-ID: <${one.saga_id}.order_confirmed@checkout>`)),
  ).toHaveLength(1);

  // Requested again after a restart: Redis knows that it was sent.
  await send({ ...two, message_id: Bun.randomUUIDv7() }, command());
  await usingService(async (service) => service.untilMails(3));
  expect(server.sources.filter((mail) => mail.includes(two.saga_id))).toHaveLength(1);
  expect(await waitingRows()).toEqual([]);
});

test("an address is one recipient, whatever characters it has", async () => {
  // An older gateway accepted this address; today's rejects it.
  const odd = { ...command(), email: "ada,smith@example.com" };
  await send(odd);
  await usingService(async (service) => service.untilMails(1));
  expect(server.recipients).toEqual(['"ada,smith"@example.com']);
  expect(server.sources[0]).toContain('To: <"ada,smith"@example.com>');
});

test('a mail with a "later" reply waits in the database and delays no other mail', async () => {
  const grey = [command(), command()];
  for (const { email } of grey) server.answers.set(email, [450, 451]);
  const others = Array.from({ length: 30 }, () => command());
  await send(...grey, ...others);
  await usingService(
    async (service) => {
      // One batch and its offsets: all others have their mail.
      await service.untilMails(others.length);
      expect(await waitingRows()).toMatchObject(
        grey.map(() => ({ attempts: 1, last_reply: expect.stringContaining("45") })),
      );
      await service.untilMails(others.length + grey.length);
      expect(await waitingRows()).toEqual([]);
    },
    // On a busy machine a mail may take longer than a notifier waits, and would wait beside them.
    { patienceMs: 30_000 },
  );
});

test("a waiting mail survives its process, and a second request does not send it twice", async () => {
  const grey = command();
  server.answers.set(grey.email, [451]);
  await send(grey);
  await usingService(
    async (service) => {
      await service.readsOneBatch();
      expect(await waitingRows()).toHaveLength(1);
    },
    { firstPauseMs: 60_000 },
  );
  expect(server.sources).toEqual([]);
  await send({ ...grey, message_id: Bun.randomUUIDv7() }, command());
  await usingService(async (service) => {
    await service.untilMails(1);
    expect(server.sources[0]).not.toContain(grey.saga_id);
    service.aheadMs += HOUR_MS;
    await service.untilMails(2);
    await service.notifier.runOnce(neverStops);
  });
  expect(server.sources.filter((mail) => mail.includes(grey.saga_id))).toHaveLength(1);
});

test("after a stop in the middle of an attempt, the next process sends the mail", async () => {
  const interrupted = command();
  server.delayMs = 60_000;
  await send(interrupted);
  await usingService(async (service) => {
    const stop = new AbortController();
    const running = service.readsOneBatch(stop.signal);
    await waitUntil(() => server.recipients.length === 1);
    stop.abort();
    await running;
    server.hangUp();
  });
  expect(server.sources).toEqual([]);
  server.reset();
  await usingService(async (service) => service.untilMails(1));
});

test("a mail without a reply is stored during its attempt, and the next batch goes on", async () => {
  const slow = command();
  server.held.add(slow.email);
  await send(slow);
  await usingService(
    async (service) => {
      await service.readsOneBatch();
      await send(command());
      await service.untilMails(1);
      expect(server.sources[0]).not.toContain(slow.saga_id);
      expect(await waitingRows()).toMatchObject([{ attempts: 0, last_reply: "no answer yet" }]);
      server.release();
      await service.untilMails(2);
      await waitUntil(async () => (await waitingRows()).length === 0);
    },
    { patienceMs: 50 },
  );
  expect(server.recipients.filter((recipient) => recipient === slow.email)).toHaveLength(1);
});

test("a mail that is refused for good is dead-lettered, and the next one is sent", async () => {
  const bad = command();
  server.answers.set(bad.email, [550]);
  await send(bad);
  await usingService(async (service) => {
    await service.readsOneBatch();
    await send(command());
    await service.untilMails(1);
  });
  expect(await deadLetterOf(bad)).toMatchObject({
    service: "notification",
    error_code: "MAIL_REFUSED",
    retry_count: 0,
    original_command: bad,
  });
});

test("a command that cannot be read is dead-lettered and counted, and the next mail is sent", async () => {
  const whole = command();
  const bad = { ...whole, email: 7 };
  await producer.produce([topic, bad.saga_id, bad.type, JSON.stringify(bad)].join(FIELD_SEPARATOR));
  await usingService(async (service) => {
    await service.readsOneBatch();
    await send(command());
    await service.untilMails(1);
    expect(service.counters.get("mails_dead_lettered_total")).toEqual([{ template: "unreadable" }]);
  });
  expect(await deadLetterOf(whole)).toMatchObject({ service: "notification", original_command: bad });
});

test("a mail that is never accepted is retried for two days, then dead-lettered", async () => {
  const bad = command();
  server.answers.set(bad.email, [451, 451, 451, 451]);
  await send(bad);
  await usingService(async (service) => {
    await service.readsOneBatch();
    for (const attempts of [2, 3]) {
      // In the second round the clock is wrong: that alone must not end the mail.
      service.aheadMs += attempts === 3 ? 60 * HOUR_MS : 20 * HOUR_MS;
      await service.waiting.runOnce();
      await service.waiting.idle();
      expect(await waitingRows()).toMatchObject([{ attempts }]);
    }
    await database.sql`update waiting_mails set first_failed_at = now() - interval '49 hours'`;
    service.aheadMs += HOUR_MS;
    await service.waiting.runOnce();
    await service.waiting.idle();
    expect(await waitingRows()).toEqual([]);
    await send(command());
    await service.untilMails(1);
  });
  expect(await deadLetterOf(bad)).toMatchObject({
    service: "notification",
    error_code: "MAIL_UNDELIVERED",
    retry_count: 3,
    original_command: bad,
  });
});

test.each([
  ["our password is wrong", (on: boolean) => void (server.password = on ? "another" : PASSWORD)],
  ["the server is down", (on: boolean) => (on ? server.close() : server.start())],
  ["the server greets with 554", (on: boolean) => void (server.greeting = on ? 554 : undefined)],
  ["our sender is refused", (on: boolean) => void (server.sender = on ? 550 : undefined)],
  [
    "the server denies relaying",
    (on: boolean) => void (server.everybody = on ? "554 5.7.1 Relay access denied" : undefined),
  ],
  ["every mail is refused", (on: boolean) => void (server.everybody = on ? "550 no" : undefined)],
])("while %s, mails wait, none is dead-lettered, and the role is not ready", async (_, faults) => {
  await faults(true);
  const all = Array.from({ length: 12 }, () => command());
  await send(...all);
  await usingService(async (service) => {
    await waitUntil(async () => {
      await service.step();
      return service.gauges.get("mail_server_unusable") === 1;
    });
    await expect(service.courier.ready()).rejects.toThrow("mails wait for the mail server");
    for (const { attempts } of await waitingRows()) expect(attempts).toBe(0);
    await faults(false);
    await service.untilMails(all.length);
    await service.courier.ready();
    expect(service.gauges.get("mail_server_unusable")).toBe(0);
  });
  const given = (await deadLetters()).filter(({ saga_id }) => all.some((each) => each.saga_id === saga_id));
  expect(given).toEqual([]);
});

test("a server that accepts 10 mails per second gets almost 10, and every mail arrives", async () => {
  server.perSecond = 10;
  const all = Array.from({ length: 40 }, () => command());
  await send(...all);
  await usingService(async (service) => {
    await service.untilMails(1);
    const begun = performance.now();
    await service.untilMails(all.length);
    // Four windows of 1 s if the limit is used fully; on a busy machine it may take longer.
    expect(performance.now() - begun).toBeLessThan(10_000);
  });
  // Without pacing it would have refused hundreds of times.
  expect(server.turnedAway).toBeLessThan(all.length * 2);
});

test("a server that allows few connections gets few", async () => {
  server.maxClients = 2;
  const all = Array.from({ length: 40 }, () => command());
  await send(...all);
  await usingService(async (service) => service.untilMails(all.length));
  expect(await waitingRows()).toEqual([]);
});

test("mails are sent without Redis", async () => {
  const nothing: KeyValue = {
    present: (keys) => Promise.resolve(keys.map(() => false)),
    remember: () => Promise.resolve(),
  };
  await send(command());
  await usingService(async (service) => service.untilMails(1), { keyValue: nothing });
});

/** The mail command of a new saga and shopper. */
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

interface Service {
  readonly notifier: Notifier;
  readonly waiting: WaitingMails;
  readonly courier: Courier;
  readonly gauges: ReadonlyMap<string, number>;
  /** The labels of each increment, by metric name. */
  readonly counters: ReadonlyMap<string, readonly object[]>;
  /** How far its clock is ahead of ours. */
  aheadMs: number;
  /** Runs each loop once. */
  step(): Promise<void>;
  /** Runs the notifier until it has read something. On a busy machine it takes several polls to join the group. */
  readsOneBatch(signal?: AbortSignal): Promise<void>;
  /** Steps until `count` mails have arrived in total and their offsets are committed. */
  untilMails(count: number): Promise<void>;
}

/** Runs a separate instance of the service in the test's consumer group. */
async function usingService(
  work: (service: Service) => Promise<void>,
  changes: { keyValue?: KeyValue; patienceMs?: number; firstPauseMs?: number } = {},
): Promise<void> {
  await using redis = openRedis({ url: redisUrl(), timeoutMs: 30_000, log: quiet });
  await waitUntil(() => redis.ready().then(...ok));
  await using consumer = await openConsumer({
    brokers,
    clientId: "test",
    groupId: topic,
    topics: [topic],
    types: [],
  });
  await using smtp = openSmtp({
    url: server.url,
    from: "shop@example.com",
    shopName: "Shop",
    maxConnections: 8,
  });
  const poll = consumer.poll.bind(consumer);
  const read = { batches: 0 };
  consumer.poll = async (options) => {
    const batch = await poll(options);
    if (batch !== null) read.batches += 1;
    return batch;
  };
  const gauges = new Map<string, number>();
  const counters = new Map<string, readonly object[]>();
  const shared = {
    clock: { now: () => Date.now() + service.aheadMs },
    random: Math.random,
    log: quiet,
    keyValue: changes.keyValue ?? redis,
    shop: { name: "Shop", linkOf: () => null },
    names: noNames,
    metrics: notificationMetrics({
      counter: (name) => ({
        inc: (labels) => void counters.set(name, [...(counters.get(name) ?? []), labels]),
      }),
      histogram: () => ({ observe: ignore }),
      gauge: (name) => ({ set: (__, value) => void gauges.set(name, value) }),
    }),
  };
  await using courier = new Courier({ ...shared, post: smtp.post, verify: smtp.verify, maxConnections: 8 });
  const waiting = new WaitingMails({
    ...shared,
    courier,
    database: database.postgres,
    sendToDeadLetters: (records) => sendToDeadLetters(producer, records),
    giveUpAfterMs: 48 * HOUR_MS,
    backoffMs: { first: changes.firstPauseMs ?? 10, cap: 60_000 },
  });
  const notifier = new Notifier({
    ...shared,
    courier,
    waiting,
    consumer,
    producer,
    ...(changes.patienceMs === undefined ? {} : { patienceMs: changes.patienceMs }),
  });
  const service: Service = {
    notifier,
    waiting,
    courier,
    gauges,
    counters,
    aheadMs: 0,
    async step() {
      await waiting.runOnce();
      // It may take long until there is room.
      if (courier.room > 0) await notifier.runOnce(neverStops);
      else await new Promise((resolve) => setTimeout(resolve, 10));
    },
    async readsOneBatch(signal = neverStops) {
      const { batches } = read;
      while (read.batches === batches && !signal.aborted) await notifier.runOnce(signal);
    },
    untilMails: (count) =>
      waitUntil(async () => {
        await service.step();
        return server.sources.length >= count;
      }),
  };
  try {
    await work(service);
  } finally {
    await courier[Symbol.asyncDispose]();
    await waiting.idle();
  }
}

interface WaitingRow {
  readonly attempts: number;
  readonly last_reply: string;
}

async function waitingRows(): Promise<readonly WaitingRow[]> {
  return database.sql<WaitingRow[]>`select attempts, last_reply from waiting_mails order by stored_at`;
}

async function deadLetterOf({ saga_id }: SendNotification): Promise<DeadLetter | undefined> {
  return (await deadLetters()).find((letter) => letter.saga_id === saga_id);
}

async function deadLetters(): Promise<readonly DeadLetter[]> {
  const letters: DeadLetter[] = [];
  for await (const { values } of readTopic({ brokers, clientId: "test", topic: TOPICS.deadLetters }))
    for (const value of values) if (Value.Check(DeadLetter, value)) letters.push(value);
  return letters;
}

const ok = [() => true, () => false] as const;
const neverStops = new AbortController().signal;

/** Polls a condition for at most 30 s. */
async function waitUntil(condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 30_000;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error("the condition did not hold within 30 s");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

function ignore(): void {}
