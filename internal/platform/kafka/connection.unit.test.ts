import { expect, test } from "bun:test";
import { AppError } from "../../kernel/errors.ts";
import { errorOf } from "../../testkit/kafka.ts";
import { untilAnswered } from "./connection.ts";

/** Fails with each of `failures` in turn, then answers. */
function answering(failures: AppError[]) {
  const asked = { times: 0 };
  const ask = async () => {
    asked.times += 1;
    const failure = failures.shift();
    if (failure !== undefined) throw failure;
    return "answer";
  };
  return { asked, ask };
}
const moved = () => new AppError("KAFKA_UNAVAILABLE", "Broker: Not leader for partition");

test("a query is repeated while a leader moves", async () => {
  const { asked, ask } = answering([moved(), moved()]);
  expect(await untilAnswered(10_000, ask)).toBe("answer");
  expect(asked.times).toBe(3);
});

test("a query fails after its timeout, and at once on an error that a retry cannot fix", async () => {
  expect(await errorOf(untilAnswered(0, answering([moved(), moved(), moved()]).ask))).toMatchObject({
    code: "KAFKA_UNAVAILABLE",
  });
  const { asked, ask } = answering([new AppError("KAFKA_TOPIC_MISSING", "no topic t")]);
  expect(await errorOf(untilAnswered(10_000, ask))).toMatchObject({ code: "KAFKA_TOPIC_MISSING" });
  expect(asked.times).toBe(1);
});
