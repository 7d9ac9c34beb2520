// Which runs meet or miss a claim.
import { expect, test } from "bun:test";
import * as claims from "./claims.ts";
import { linesOf, resultsOf } from "./headline.ts";
import { latenciesOf } from "./histograms.ts";
import { type RunRecord, readRuns } from "./record.ts";

const [SAMPLE] = readRuns(`${import.meta.dir}/report/sample-run.json`);
if (SAMPLE === undefined) throw new Error("no stored run");

const run = (changes: Partial<RunRecord>, orders: Partial<RunRecord["orders"]> = {}): RunRecord => ({
  ...SAMPLE,
  ...changes,
  orders: { ...SAMPLE.orders, ...orders },
});
const isMet = (results: readonly { readonly isMet: boolean }[]) => results.map((result) => result.isMet);
const within = (ms: number) => ({
  finished: latenciesOf([ms]),
  accepted: latenciesOf([ms]),
  undone: latenciesOf([ms]),
});

test("a rate is held if its arrivals came, none was refused, and all finished in time", () => {
  const options = { ratePerSecond: 100 };
  const good = { placedPerSecond: 99.5, refused: 0, unfinished: 0 };
  expect(isMet(claims.heldRate(run({ options, latencies: within(2_900) }, good)))).toEqual([true, true]);
  expect(isMet(claims.heldRate(run({ options, latencies: within(3_100) }, good)))).toEqual([true, false]);
  for (const bad of [{ placedPerSecond: 98 }, { refused: 1 }, { unfinished: 1 }])
    expect(isMet(claims.heldRate(run({ options, latencies: within(1) }, { ...good, ...bad })))).toEqual([
      false,
      true,
    ]);
});

test("a run without latencies meets no latency claim", () => {
  const nothing = run({ latencies: {} });
  expect(
    isMet([...claims.accepted(nothing), ...claims.undone(nothing), ...claims.coldStart(nothing)]),
  ).toEqual([false, false, false]);
});

test("shoppers who browse hold up neither the 202 nor a saga, and each read is answered", () => {
  const beside = (acceptedMs: number, readsFailed: number) =>
    isMet(
      claims.heldRateBesideReads(
        run(
          {
            options: { ratePerSecond: 83 },
            latencies: { ...within(acceptedMs), reads: latenciesOf([5]) },
          },
          { placedPerSecond: 83, refused: 0, unfinished: 0, readsFailed },
        ),
      ),
    );
  expect([beside(50, 0), beside(51, 0), beside(50, 1)]).toEqual([
    [true, true, true, true],
    [true, true, false, true],
    [true, true, true, false],
  ]);
});

test("a flash sale sells exactly the stock and decides every checkout in time", () => {
  const options = { scarceStock: 100, atOnce: 10_000 };
  const sale = (completed: number, ms: number) =>
    isMet(
      claims.flashSaleWithin(
        run({ options, latencies: within(ms) }, { completed, refused: 0, unfinished: 0 }),
        2_500,
      ),
    );
  expect([sale(100, 2_400), sale(101, 2_400), sale(99, 2_400), sale(100, 2_600)]).toEqual([
    [true, true],
    [false, true],
    [false, true],
    [true, false],
  ]);
});

test("the idle claim checks CPU and memory of all processes", () => {
  const idle = (ms: number, bytes: number) =>
    isMet(
      claims.idle(run({ cpuMs: { kafka: ms, mail: ms }, measuredSeconds: 10, memory: { kafka: bytes } })),
    );
  expect([idle(190, 2 ** 30), idle(210, 2 * 2 ** 30)]).toEqual([
    [true, true],
    [false, false],
  ]);
});

test("memory is flat if each part is near its level after five minutes", () => {
  const grown = (last: number) =>
    claims
      .soak(
        run({
          memoryOverTime: [
            { at: 10, bytes: { relay: 10 } },
            { at: 300, bytes: { relay: 100, "relay-2": 100 } },
            { at: 600, bytes: { relay: last, "relay-2": 100 } },
          ],
        }),
      )
      .at(-1);
  expect(grown(110)).toMatchObject({ isMet: true, measured: "relay 5.0 % at most" });
  expect(grown(150)).toMatchObject({ isMet: false });
});

test("a backlog must be processed evenly, without its first and its incomplete last window", () => {
  const seconds = (slow: number) =>
    Array.from({ length: 45 }, (_, at) => ({
      at,
      placed: 0,
      finished: at < 10 ? 1 : at >= 20 && at < 30 ? slow : 100,
      acceptedP99: null,
      p50: null,
      p99: null,
      max: null,
    }));
  expect(claims.backlogWindows(run({ seconds: seconds(90) }))).toEqual([100, 90, 100]);
  expect(isMet(claims.backlog(run({ seconds: seconds(90) })))).toEqual([true]);
  expect(isMet(claims.backlog(run({ seconds: seconds(80) })))).toEqual([false]);
  const saturate = run({ scenario: "saturate" }, { ordersPerSecond: 120 });
  expect(claims.backlog(run({ seconds: seconds(90) }), [saturate])).toMatchObject([
    { isMet: false, measured: "90/s of 120/s" },
  ]);
  expect(claims.backlog(run({ seconds: [] }, { unfinished: 0 }))).toMatchObject([{ isMet: true }]);
});

test("the publishing rate is all messages divided by the time of the run", () => {
  const { perOrder, seconds } = SAMPLE;
  const rate = (perOrder.kafka.messagesIn * perOrder.orders) / seconds.length;
  expect(claims.publishedEvents(SAMPLE)).toMatchObject([
    { isMet: rate >= 500, measured: expect.stringContaining(`${rate.toFixed(0)}/s`) },
  ]);
});

test("the headline has a line per claim, met or missed", () => {
  const steady = run(
    { scenario: "steady", options: { ratePerSecond: 1 }, latencies: within(40) },
    { placedPerSecond: 1 },
  );
  const lines = linesOf(resultsOf([steady, run({ scenario: "compensation", latencies: within(900) })]));
  expect(lines.filter((line) => line !== "").map((line) => line.split(/ {2,}/)[0])).toEqual([
    "met",
    "met",
    "met",
    "met",
    "MISSED",
  ]);
});
