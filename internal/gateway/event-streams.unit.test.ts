// When event streams wait, try again and end, with an orchestrator that answers what the test says.
import { expect, test } from "bun:test";
import type { SagaHistory } from "../../schemas/shop.ts";
import { AppError } from "../kernel/errors.ts";
import { SHOPPER } from "../testkit/gateway.ts";
import { EventStreams, type EventStreamsOptions } from "./event-streams.ts";
import { StreamSlots, type StreamSlotsOptions } from "./stream-slots.ts";
import { startedView } from "../testkit/status-view.ts";

const SAGA = "01890000-0000-7000-8000-000000000001";
const AT = "2026-11-23T12:00:00.000Z";

const told = (id: number | null, isFinished = false): SagaHistory => ({
  events: id === null ? [] : [{ id, status: "STARTED", step: "reserve", at: AT }],
  view: {
    ...startedView(SAGA, AT),
    ...(isFinished ? { status: "COMPENSATED", completed_at: AT } : {}),
  },
});
const away = () => new AppError("SERVICE_UNAVAILABLE", "away");

/** Streams over an orchestrator with these answers, then the last one forever. `asked`: the `after` of each call. */
function streamsOf(
  answers: readonly (SagaHistory | Error | null)[],
  { total = 2, metrics, ...options }: Partial<EventStreamsOptions & StreamSlotsOptions> = {},
) {
  const asked: number[] = [];
  const history = async (
    _: string,
    __: string,
    { after, signal }: { after: number; signal: AbortSignal },
  ) => {
    const answer = answers[Math.min(asked.push(after), answers.length) - 1];
    await Bun.sleep(1);
    if (signal.aborted) throw away();
    if (answer instanceof Error) throw answer;
    return answer ?? null;
  };
  const slots = new StreamSlots({ total, ...(metrics === undefined ? {} : { metrics }) });
  const streams = new EventStreams({ orchestrator: { history }, slots, retryMs: 1, ...options });
  const open = (userId = SHOPPER, after = 0) =>
    streams.open({ sagaId: SAGA, userId, after, signal: new AbortController().signal });
  const text = async () => {
    const stream = await open();
    if (!(stream instanceof ReadableStream)) throw new Error("no stream");
    return stream.text();
  };
  return { slots, open, text, asked };
}

test("a quiet stream sends comments, and continues after the last line", async () => {
  const { text, asked } = streamsOf([told(7), told(null), told(9, true)]);
  const all = await text();
  expect(all.startsWith("retry: 3000\n\nevent: progress\nid: 7\n")).toBe(true);
  expect(all.match(/^: still here$/gm)?.length).toBe(1);
  expect(all).toContain("id: 9\n");
  expect(asked).toEqual([0, 7, 7]);
});

test("while the orchestrator is away the stream stays open and tries again", async () => {
  const { text, asked } = streamsOf([told(7), away(), away(), told(9, true)]);
  expect((await text()).match(/^: waiting for the orchestrator$/gm)?.length).toBe(2);
  expect(asked).toEqual([0, 7, 7, 7]);
});

test("an orchestrator that is away at the begin is an error, and counts no stream", async () => {
  const { open, slots } = streamsOf([away()]);
  await expect(open()).rejects.toMatchObject({ code: "SERVICE_UNAVAILABLE" });
  expect(slots.size).toBe(0);
});

test("a fault of our own ends the stream", async () => {
  const { text, slots } = streamsOf([told(7), new Error("bug")]);
  expect(await text()).toContain("id: 7\n");
  expect(slots.size).toBe(0);
});

test("the time limit and a shutdown end streams; then there are no new ones", async () => {
  const limited = streamsOf([told(7), told(null)], { maxStreamMs: 20 });
  expect(await limited.text()).toContain(": still here");
  const { text, open, slots } = streamsOf([told(7), told(null)]);
  const open1 = text();
  await Bun.sleep(5);
  slots[Symbol.dispose]();
  expect(await open1).toContain("id: 7\n");
  expect(slots.size).toBe(0);
  await expect(open()).rejects.toMatchObject({ type: "streams-full" });
});

test("the limit of the gateway and of a user are different problems, and are counted", async () => {
  const refused: string[] = [];
  const { open, slots } = streamsOf([told(7), told(null)], {
    total: 6,
    metrics: { refused: (reason) => void refused.push(reason) },
  });
  for (let i = 0; i < 4; i += 1) await open();
  await expect(open()).rejects.toMatchObject({ type: "too-many-streams" });
  await open("01890000-0000-7000-8000-00000000000b");
  await open("01890000-0000-7000-8000-00000000000c");
  await expect(open("01890000-0000-7000-8000-00000000000d")).rejects.toMatchObject({ type: "streams-full" });
  expect(refused).toEqual(["user", "gateway"]);
  slots[Symbol.dispose]();
});
