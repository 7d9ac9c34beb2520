// What each account can do on a broker with our access lists, and that everything else is refused with an error that says so.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { ACCOUNTS, type Access } from "../../../schemas/access.ts";
import { SUBSCRIPTIONS, TOPICS } from "../../../schemas/topics.ts";
import { describeError } from "../../kernel/errors.ts";
import { type AccessRule, FIELD_SEPARATOR } from "../../kernel/ports.ts";
import { isInForce, planAccess, rulesOf } from "../../operations/access.ts";
import { waitUntil } from "../../stack/wait.ts";
import { errorOf } from "../../testkit/kafka.ts";
import { CONNECT_TIMEOUT_MS, EVERY_TOPIC, SecureKafka } from "../../testkit/secure-kafka.ts";
import { type Admin, openAdmin } from "./admin.ts";
import type { KafkaOptions } from "./connection.ts";
import { openConsumer } from "./consumer.ts";
import { GroupProgress } from "./group-progress.ts";
import { newestSent, ownTopics } from "./newest-sent.ts";
import { openProducer } from "./producer.ts";
import { readTopic } from "./read-topic.ts";
import { openReconnectingConsumer } from "./reconnecting-consumer.ts";
import { openReconnectingProducer } from "./reconnecting-producer.ts";
import { TopicReader } from "./topic-reader.ts";
import { TopicStates } from "./topic-states.ts";

let kafka: SecureKafka;
beforeAll(async () => {
  kafka = await SecureKafka.start(["inventory"]);
});
afterAll(() => kafka[Symbol.asyncDispose]());

/** Sends one message. Returns the code of its failure, null if Kafka has it. */
async function sent(options: KafkaOptions, topic: string): Promise<string | null> {
  await using producer = await openProducer({ ...options, flushTimeoutMs: 100 });
  const [failure] = await producer.produce([topic, "", "Test", '{"from":"test"}'].join(FIELD_SEPARATOR));
  return failure?.code ?? null;
}

/** Polls as a member of the group until a message comes. Throws what the poll throws. */
async function received(options: KafkaOptions, groupId: string, topics: readonly string[]): Promise<number> {
  await using consumer = await openConsumer({ ...options, groupId, topics, types: [] });
  for (;;) {
    const batch = await consumer.poll({ maxMessages: 100, waitMs: 500, lingerMs: 0 });
    if (batch === null) continue;
    batch.done();
    batch.release();
    return batch.values.length;
  }
}

async function readBy(options: KafkaOptions, topic: string): Promise<number> {
  let read = 0;
  for await (const { values } of readTopic({ ...options, topic })) read += values.length;
  return read;
}

describe("each account does its own work:", () => {
  const accounts: readonly (readonly [string, Access])[] = Object.entries(ACCOUNTS);

  test.each(accounts)("%s writes its topics", async (account, { writes }) => {
    for (const topic of writes) expect([topic, await sent(kafka.as(account), topic)]).toEqual([topic, null]);
  });

  test.each(Object.entries(SUBSCRIPTIONS))("%s reads its messages in its group", async (group, topics) => {
    for (const topic of topics) await kafkaHas(topic);
    expect(await received(kafka.as(group), group, topics)).toBeGreaterThan(0);
  });

  test("the orchestrator compares and counts", async () => {
    for (const topic of EVERY_TOPIC) await kafkaHas(topic);
    expect(await readBy(kafka.as("orchestrator"), TOPICS.deadLetters)).toBeGreaterThan(0);
    // These messages have no id; reading them is what counts.
    expect(await newestSent(kafka.as("orchestrator"), ownTopics("saga"))).toEqual([]);
  });

  test.each(["inventory", "payment", "order"] as const)("%s compares", async (account) => {
    for (const topic of ownTopics(account)) await kafkaHas(topic);
    expect(await newestSent(kafka.as(account), ownTopics(account))).toEqual([]);
  });

  test.each(["console", "operator"])("%s looks at everything", async (account) => {
    for (const topic of EVERY_TOPIC) await kafkaHas(topic);
    await using states = new TopicStates(kafka.as(account), EVERY_TOPIC, SUBSCRIPTIONS);
    const seen = await states.read();
    expect(seen.map(({ topic, messages }) => [topic, messages > 0])).toEqual(
      EVERY_TOPIC.map((topic) => [topic, true]),
    );
    const { groups } = await states.readingOf(TOPICS.commands);
    expect(groups.map(({ group, unknown }) => [group, unknown])).toEqual(
      ["inventory", "payment", "order"].map((group) => [group, null]),
    );
    await using reader = await TopicReader.open(kafka.as(account), TOPICS.commands);
    expect((await reader.spans()).size).toBeGreaterThan(0);
    expect(await readBy(kafka.as(account), TOPICS.paymentEvents)).toBeGreaterThan(0);
    await using progress = await GroupProgress.open(kafka.as(account), "notification", TOPICS.notifications);
    expect(await progress.hasPassed(await progress.ends())).toBeBoolean();
  });

  test("an operator compares the access lists and the settings of topics", async () => {
    await using admin = await openAdmin(kafka.as("operator"));
    expect(isInForce(planAccess(await admin.accessRules()))).toBe(true);
    expect(
      (await admin.topicSettings([TOPICS.deadLetters])).get(TOPICS.deadLetters)?.["retention.ms"],
    ).toBeString();
  });

  test("a user with a password is the same account", async () => {
    const inventory = { ...kafka.withPassword("inventory"), connectTimeoutMs: 10_000 };
    expect(await sent(inventory, TOPICS.inventoryEvents)).toBeNull();
    expect(await sent(inventory, TOPICS.paymentEvents)).toBe("TOPIC_AUTHORIZATION_FAILED");
  });
});

async function kafkaHas(topic: string): Promise<void> {
  expect(await sent(kafka.as("deploy"), topic)).toBeNull();
}

test("what is added is in force, and what is removed is not", async () => {
  const [rule] = rulesOf({ reports: { ...ACCOUNTS.notification, reads: [], groups: [] } });
  if (rule === undefined) throw new Error("no rule");
  const reports = await kafka.asStranger("reports");
  await kafka.deploy.addAccessRules([rule]);
  expect(planAccess(await kafka.deploy.accessRules()).foreign).toEqual([{ ...rule, endangers: true }]);
  // The broker's authorizer may be a moment behind its own list.
  const tries = () => sent(reports, TOPICS.deadLetters).catch((error: unknown) => describeError(error));
  const patience = { timeoutMs: 20_000 };
  await waitUntil("it may write", async () => (await tries()) === null, patience);
  await kafka.deploy.removeAccessRules([rule]);
  expect(planAccess(await kafka.deploy.accessRules()).foreign).toEqual([]);
  let refused: string | null = null;
  await waitUntil("it may not", async () => (refused = await tries()) !== null, patience);
  // It may write no topic at all now, and learns that by the record or before.
  expect(String(refused)).toMatch(/^TOPIC_AUTHORIZATION_FAILED$|^cannot write any topic/);
});

/** What our error says. */
interface Refusal {
  readonly code: string;
  readonly message: RegExp;
}

function expectRefusal(error: unknown, { code, message }: Refusal): void {
  expect(error).toMatchObject({ code });
  expect(describeError(error)).toMatch(message);
}

describe("is refused:", () => {
  const DENIED_TOPIC: Refusal = {
    code: "KAFKA_DENIED",
    message: /Topic authorization failed.*checkoutctl acl check/i,
  };
  const DENIED_GROUP: Refusal = {
    code: "KAFKA_DENIED",
    message: /Group authorization failed.*checkoutctl acl check/i,
  };
  const DENIED_CLUSTER: Refusal = {
    code: "KAFKA_DENIED",
    message: /Cluster authorization failed.*checkoutctl acl check/i,
  };

  const writes: readonly (readonly [account: string, topic: string])[] = [
    ["inventory", TOPICS.paymentEvents],
    ["inventory", TOPICS.commands],
    ["payment", TOPICS.orderEvents],
    ["order", TOPICS.notifications],
    ["orchestrator", TOPICS.paymentEvents],
    ["notification", TOPICS.notifications],
    ["relay-inventory", TOPICS.paymentEvents],
    ["relay-payment", TOPICS.commands],
    ["relay-order", TOPICS.inventoryEvents],
    ["relay-saga", TOPICS.orderEvents],
  ];
  test.each(writes)("%s writes %s", async (account, topic) => {
    expect(await sent(kafka.as(account), topic)).toBe("TOPIC_AUTHORIZATION_FAILED");
  });

  test.each([
    ["console", TOPICS.deadLetters],
    ["operator", TOPICS.commands],
  ])("%s, who may write nothing, writes %s", async (account, topic) => {
    const error = await errorOf(sent(kafka.as(account), topic));
    expectRefusal(error, {
      code: "KAFKA_DENIED",
      message: new RegExp(`cannot write any topic.*let ${account} do`),
    });
  });

  const reads: readonly (readonly [account: string, group: string, topic: string, Refusal])[] = [
    ["order", "order", TOPICS.paymentEvents, DENIED_TOPIC],
    ["notification", "notification", TOPICS.commands, DENIED_TOPIC],
    ["payment", "inventory", TOPICS.commands, DENIED_GROUP],
    ["console", "orchestrator", TOPICS.paymentEvents, DENIED_GROUP],
    ["relay-order", "order", TOPICS.commands, DENIED_GROUP],
  ];
  test.each(reads)("%s in group %s reads %s", async (account, group, topic, { code, message }) => {
    const error = await errorOf(received(kafka.as(account), group, [topic]));
    expectRefusal(error, { code, message });
    expect(describeError(error)).toContain(account);
  });

  type Act = (as: (account: string) => KafkaOptions) => Promise<unknown>;
  const acts: readonly (readonly [what: string, act: Act, Refusal])[] = [
    [
      "notification looks at the progress of payment",
      async (as) => {
        const hurried = { ...as("notification"), connectTimeoutMs: CONNECT_TIMEOUT_MS };
        await using progress = await GroupProgress.open(hurried, "payment", TOPICS.notifications);
        await progress.hasPassed(new Map([[0, 1]]));
      },
      DENIED_GROUP,
    ],
    [
      "relay-order reads a topic outside groups",
      (as) => readBy(as("relay-order"), TOPICS.commands),
      { code: "KAFKA_TOPIC_MISSING", message: /relay-order may not read it/ },
    ],
    [
      "inventory creates a topic",
      (as) =>
        administer(as("inventory"), (admin) =>
          admin.createTopics([{ topic: "mine", partitions: 1, replicationFactor: 1 }]),
        ),
      { code: "KAFKA_DENIED", message: /authorization failed/i },
    ],
    [
      "an operator creates a topic",
      (as) =>
        administer(as("operator"), (admin) =>
          admin.createTopics([{ topic: "mine", partitions: 1, replicationFactor: 1 }]),
        ),
      { code: "KAFKA_DENIED", message: /authorization failed/i },
    ],
    [
      "an operator deletes a topic",
      (as) => administer(as("operator"), (admin) => admin.deleteTopics([TOPICS.orderEvents])),
      DENIED_TOPIC,
    ],
    [
      "an operator changes a topic",
      (as) =>
        administer(as("operator"), (admin) =>
          admin.changeSettings([{ topic: TOPICS.commands, name: "retention.ms", value: "1000" }]),
        ),
      DENIED_TOPIC,
    ],
    [
      "an operator changes access lists",
      (as) => administer(as("operator"), (admin) => admin.addAccessRules(rulesOf())),
      DENIED_CLUSTER,
    ],
    [
      "payment looks at access lists",
      (as) => administer(as("payment"), (admin) => admin.accessRules()),
      DENIED_CLUSTER,
    ],
  ];
  test.each(acts)("%s", async (_, act, { code, message }) => {
    const error = await errorOf(act((account) => kafka.as(account)));
    expectRefusal(error, { code, message });
  });

  test("a gateway, which has a certificate and no line in the access lists", async () => {
    const gateway = await kafka.asStranger("gateway");
    // It may write no topic at all, and learns that by the record or before.
    const refused = await sent(gateway, TOPICS.commands).catch((error: unknown) => describeError(error));
    expect(refused).toMatch(/^TOPIC_AUTHORIZATION_FAILED$|let gateway do/);
    expectRefusal(await errorOf(readBy(gateway, TOPICS.commands)), {
      code: "KAFKA_TOPIC_MISSING",
      message: /gateway may not read it/,
    });
    await using admin = await openAdmin(gateway);
    expect(await admin.describeTopics()).toEqual([]);
  });

  const strangers: readonly (readonly [who: string, () => Promise<KafkaOptions>, Refusal])[] = [
    [
      "who has no certificate",
      async () => kafka.with({ KAFKA_SECURITY_PROTOCOL: "SSL", KAFKA_CA_FILE: kafka.caFile }),
      { code: "KAFKA_DENIED", message: /certificate.*KAFKA_CERT_FILE/is },
    ],
    [
      "who has a certificate of another authority",
      () => kafka.asImpostor("inventory"),
      { code: "KAFKA_DENIED", message: /KAFKA_CERT_FILE/ },
    ],
    [
      "who speaks without encryption",
      async () => kafka.with({}),
      { code: "KAFKA_UNAVAILABLE", message: /KAFKA_SECURITY_PROTOCOL/ },
    ],
    [
      "who knows no password",
      async () => kafka.withPassword("inventory", "wrong horse"),
      { code: "KAFKA_DENIED", message: /KAFKA_PASSWORD_FILE/ },
    ],
    [
      "whom nobody knows",
      async () => kafka.withPassword("mallory"),
      { code: "KAFKA_DENIED", message: /KAFKA_USERNAME/ },
    ],
  ];
  test.each(strangers)("a client %s", async (_, options, { code, message }) => {
    const own = await options();
    const tries = [openAdmin(own), openProducer(own), received(own, "inventory", [TOPICS.commands])];
    for (const error of await Promise.all(tries.map(errorOf))) expectRefusal(error, { code, message });
  });

  test("a broker with a certificate of another authority, by the client", async () => {
    const { certFile, keyFile, caFile } = await kafka.foreignFiles("inventory");
    const deceived = kafka.with({
      KAFKA_SECURITY_PROTOCOL: "SSL",
      KAFKA_CA_FILE: caFile,
      KAFKA_CERT_FILE: certFile,
      KAFKA_KEY_FILE: keyFile,
    });
    expectRefusal(await errorOf(openProducer(deceived)), { code: "KAFKA_DENIED", message: /KAFKA_CA_FILE/ });
  });
});

async function administer<T>(options: KafkaOptions, act: (admin: Admin) => Promise<T>): Promise<T> {
  await using admin = await openAdmin(options);
  return await act(admin);
}

describe("a role that is refused goes on when it is allowed:", () => {
  const own = (operation: string, resource: AccessRule["resource"]) =>
    rulesOf().filter(
      (rule) => rule.principal === "User:order" && rule.operation === operation && rule.resource === resource,
    );

  test("a consumer says what it lacks and reads when it has it", async () => {
    await kafkaHas(TOPICS.commands);
    const rules = own("READ", "topic");
    await kafka.deploy.removeAccessRules(rules);
    await using consumer = await openReconnectingConsumer({
      ...kafka.as("order"),
      groupId: "order",
      topics: [TOPICS.commands],
      types: [],
      deniedRetryMs: 500,
    });
    const poll = () => consumer.poll({ maxMessages: 100, waitMs: 200, lingerMs: 0 });
    const denied = async () => {
      for (;;) {
        try {
          await poll();
        } catch (error) {
          return error;
        }
      }
    };
    expect(await denied()).toMatchObject({ code: "KAFKA_DENIED" });
    expect(consumer.denied()).toContain(TOPICS.commands);
    // Refused again by the next client.
    expect(await denied()).toMatchObject({ code: "KAFKA_DENIED" });
    await kafka.deploy.addAccessRules(rules);
    await waitUntil(
      "it reads",
      async () => {
        const batch = await poll().catch(() => null);
        batch?.done();
        batch?.release();
        return consumer.denied() === null;
      },
      { timeoutMs: 40_000 },
    );
  });

  const producing = () => openReconnectingProducer({ ...kafka.as("order"), deliveryTimeoutMs: 3_000 });
  const event = [TOPICS.orderEvents, "", "Test", "{}"].join(FIELD_SEPARATOR);

  test("a producer sends what it could not", async () => {
    const rules = own("WRITE", "topic").filter(({ name }) => name === TOPICS.orderEvents);
    await using producer = await producing();
    const send = () => producer.produce(event);
    await kafka.deploy.removeAccessRules(rules);
    const isRefused = async () => (await send())[0]?.code === "TOPIC_AUTHORIZATION_FAILED";
    await waitUntil("it is refused", isRefused, { timeoutMs: 30_000 });
    await kafka.deploy.addAccessRules(rules);
    await waitUntil("it sends", async () => (await send()).length === 0, { timeoutMs: 40_000 });
  });

  test("so does one that could send nothing at all", async () => {
    const rules = own("WRITE", "topic");
    await kafka.deploy.removeAccessRules(rules);
    await using producer = await producing();
    // The broker's authorizer may be a moment behind its own list: then it is refused by the record, otherwise before it can send.
    let refused: string | undefined;
    const isRefused = async () => {
      refused = await producer.produce(event).then(([failure]) => failure?.code, describeError);
      return refused !== undefined;
    };
    await waitUntil("it is refused", isRefused, { timeoutMs: 30_000 });
    expect(refused).toMatch(/^TOPIC_AUTHORIZATION_FAILED$|cannot write any topic.*let order do this/);
    await kafka.deploy.addAccessRules(rules);
    await waitUntil("it sends", async () => (await producer.produce(event)).length === 0, {
      timeoutMs: 40_000,
    });
  });
});
