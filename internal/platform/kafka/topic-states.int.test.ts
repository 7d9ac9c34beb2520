// Looks at topics and groups whose connections end while they are in progress. A native look at a connection that has ended ends the process.
// And who reads what: members that go on, stand still and leave.
import { expect, test } from "bun:test";
import { waitUntil } from "../../stack/wait.ts";
import { freshTopic, sendBytes } from "../../testkit/kafka.ts";
import { kafkaBrokers } from "../../testkit/servers.ts";
import { untilAnswered } from "./connection.ts";
import { openConsumer } from "./consumer.ts";
import { TopicStates } from "./topic-states.ts";

const TIMES = 20;

test("closing waits for what is still asked, at whatever moment it comes", async () => {
  const topic = await freshTopic(2);
  const groups = Object.fromEntries(["a", "b", "c", "d"].map((name) => [name, [topic]]));
  for (let time = 0; time < TIMES; time += 1) {
    const states = new TopicStates({ brokers: kafkaBrokers(), clientId: "states" }, [topic], groups);
    // The group coordinator of a new broker may still be loading.
    await untilAnswered(10_000, () => states.read());
    const asked = Promise.allSettled([states.read(), states.read()]);
    await Bun.sleep(time / 4);
    await states[Symbol.asyncDispose]();
    for (const { status } of await asked) expect(status).toBe("fulfilled");
  }
});

test("the member that stands still is told from the one that goes on, and nobody from somebody", async () => {
  const topic = await freshTopic(2);
  const group = `group-${crypto.randomUUID()}`;
  const options = { brokers: kafkaBrokers(), clientId: "states" };
  const member = (instanceId: string) =>
    openConsumer({ ...options, groupId: group, instanceId, topics: [topic], types: [] });
  const send = (n: number) =>
    sendBytes(
      topic,
      [0, 1].map((partition) => ({ partition, value: Buffer.from(JSON.stringify({ n })) })),
    );
  await using states = new TopicStates(options, [topic], { [group]: [topic] });
  const read = async () => {
    const { partitions, groups } = await states.readingOf(topic);
    return { groups, places: partitions.flatMap((one) => one.groups) };
  };
  {
    await using good = await member("good");
    await using idle = await member("idle");
    const take = async () => {
      const batch = await good.poll({ maxMessages: 10, waitMs: 1_000, lingerMs: 0 });
      batch?.done();
      batch?.release();
    };
    const isShared = async () => {
      // Members join while they poll; what it gets is given back.
      (await idle.poll({ maxMessages: 1, waitMs: 200, lingerMs: 0 }))?.release();
      await take();
      const { places } = await read();
      return new Set(places.map((one) => one.member?.instance)).size === 2;
    };
    await waitUntil("each member has a partition", isShared, { timeoutMs: 30_000 });
    await send(1);
    const ofMember = async (name: string) =>
      (await read()).places.find((one) => one.member?.instance === name);
    const isRead = async () => {
      await take();
      return (await ofMember("good"))?.lag === 0;
    };
    await waitUntil("the good one has committed", isRead, { timeoutMs: 30_000 });
    expect(await ofMember("good")).toMatchObject({
      committed: 1,
      unmoved_since: null,
      member: { host: "127.0.0.1" },
    });
    const behind = await ofMember("idle");
    expect(behind).toMatchObject({ committed: null, lag: 1, member: { instance: "idle" } });
    // Also the look at all topics knows it, and later looks do not forget it.
    const [state] = await states.read();
    expect(state?.groups).toEqual([{ group, lag: 1, unmoved_since: behind?.unmoved_since ?? Number.NaN }]);
    expect((await read()).groups).toEqual([{ group, state: "Stable", unknown: null }]);
  }
  const isLeft = async () => (await read()).places.every((one) => one.member === null);
  await waitUntil("the members have left", isLeft, { timeoutMs: 30_000 });
  expect((await read()).groups).toMatchObject([{ group, unknown: null }]);
});
