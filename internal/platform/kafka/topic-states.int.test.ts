// Looks at topics and groups whose connections end while they are in progress. A native look at a connection that has ended ends the process.
import { expect, test } from "bun:test";
import { freshTopic } from "../../testkit/kafka.ts";
import { kafkaBrokers } from "../../testkit/servers.ts";
import { untilAnswered } from "./connection.ts";
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
