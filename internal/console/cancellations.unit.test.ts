// Cancellations of orders that need an operator: the overview's line leads to them, and the page of the checkout tells of them.
import { expect, test } from "bun:test";
import { render } from "preact-render-to-string";
import type { OpenCancellation } from "../operations/cancellation-store.ts";
import {
  consoleOptions,
  known,
  NOW,
  quietSnapshot,
  sagaId,
  snapshotOf,
  sqlThat,
} from "../testkit/console.ts";
import { ConsoleBrowser } from "../testkit/console-browser.ts";
import { attentionTo } from "./parts/attention.ts";
import { CancellationText } from "./parts/cancellation.tsx";

const CANCELLATION: OpenCancellation = {
  saga_id: sagaId(7),
  order_id: sagaId(5),
  step: "refund",
  resend_count: 4,
  deadline_at: NOW + 27_000,
  needs_operator: true,
  created_at: NOW - 7_200_000,
};

async function seen(path: string): Promise<string> {
  const person = new ConsoleBrowser(
    consoleOptions(
      {},
      sqlThat(async () => [CANCELLATION]),
    ),
  );
  await person.post("/sign-in", { token: "token-of-vic" });
  const answer = await person.get(path);
  expect(answer.status).toBe(200);
  return answer.text();
}

test("what the overview says of them leads to a list that has them", async () => {
  const { value } = snapshotOf().sagas;
  if (value === null) throw new Error("the fixture has sagas");
  const sagas = known({ ...value, needing_operator: 0, cancellations_needing_operator: 1 });
  const [line] = attentionTo({ ...quietSnapshot(), sagas }, NOW);
  expect(line?.text).toBe("1 cancelled order needs an operator");
  const html = await seen(line?.href ?? "");
  expect(html).toContain(`data-href="/sagas/${CANCELLATION.saga_id}"`);
  expect(html).toContain(">the refund<");
  expect(await seen(`${line?.href}?as=csv`)).toContain(
    `${CANCELLATION.saga_id},${CANCELLATION.order_id},refund,4,`,
  );
});

test("what it waits for, since when, and whether a person is needed", () => {
  const text = (parts: Partial<OpenCancellation>) =>
    render(CancellationText({ cancellation: { ...CANCELLATION, ...parts }, now: NOW }))
      .replaceAll(/<[^>]*>/g, "")
      .trim();
  expect(text({})).toBe(
    "The order is being cancelled, and that needs an operator: it waits for the refund, since 2 h, sent again 4 times; the command is sent again in 27 s.",
  );
  expect(text({ needs_operator: false, resend_count: 0, step: "release" })).toBe(
    "The order is being cancelled: it waits for its stock to be put back, since 2 h; the command is sent again in 27 s.",
  );
  expect(render(CancellationText({ cancellation: null, now: NOW }))).toBe("");
});
