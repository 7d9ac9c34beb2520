// What becomes of a run whose command fails.
import { expect, test } from "bun:test";
import { AppError } from "../../internal/kernel/errors.ts";
import { PlanRefused } from "../../internal/operations/plan.ts";
import { errorOf } from "../../internal/testkit/kafka.ts";
import { stoppedOnError } from "./bulk.ts";

const away = new AppError("DATABASE_UNAVAILABLE", "the payment database does not answer");
const fails = () => Promise.reject(away);

/** What is told on stderr when stopping the run does this. */
async function toldAfter(stop: (reason: string) => Promise<unknown>): Promise<string> {
  let told = "";
  const write = (text: string) => {
    told += text;
  };
  expect(await errorOf(stoppedOnError("r-1", stop, fails, { timeoutMs: 20, write }))).toBe(away);
  return told;
}

test("it is stopped, with the error as the reason", async () => {
  const reasons: string[] = [];
  const stop = (reason: string) => Promise.resolve(reasons.push(reason));
  expect(await toldAfter(stop)).toBe("");
  expect(reasons).toEqual([expect.stringContaining("the payment database does not answer")]);
  expect(await stoppedOnError("r-1", stop, () => Promise.resolve("done"))).toBe("done");
  expect(reasons).toHaveLength(1);
});

test("it is named with the command that stops it, if the database with the runs fails or hangs", async () => {
  const how = expect.stringContaining("checkoutctl run stop r-1");
  expect(await toldAfter(fails)).toEqual(how);
  expect(await toldAfter(() => new Promise(() => undefined))).toEqual(how);
});

test("nothing is told if it is over already", async () => {
  const over = new PlanRefused("wrong-state", "cannot stop a run that is done");
  expect(await toldAfter(() => Promise.reject(over))).toBe("");
});
