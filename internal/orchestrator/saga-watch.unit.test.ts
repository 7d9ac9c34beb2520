// What is reported of a read that takes too long.
import { expect, test } from "bun:test";
import { SagaWatch, withinReadTime } from "./saga-watch.ts";

const silent = () => Promise.withResolvers<never>().promise;
const error = {
  code: "DATABASE_UNAVAILABLE",
  message:
    "the saga database did not answer within 5 ms, asked for the status of checkouts: see whether it is reachable (`checkoutctl doctor`), and what it is busy with (pg_stat_activity)",
};

test("a read that takes too long names the database, what was read and where to look", async () => {
  await expect(withinReadTime("the status of checkouts", silent(), 5)).rejects.toMatchObject(error);
  expect(await withinReadTime("the status of checkouts", Promise.resolve(7), 5)).toBe(7);
});

test("a call that asks for a saga is told so, too", async () => {
  using watch = new SagaWatch<{ readonly sagaId: string }, { readonly user_id: string }>({
    read: silent,
    what: "the status of checkouts",
    isNews: () => true,
    tickMs: 1_000,
    readTimeoutMs: 5,
  });
  await expect(watch.wait({ sagaId: "a" }, "ada", {})).rejects.toMatchObject(error);
});
