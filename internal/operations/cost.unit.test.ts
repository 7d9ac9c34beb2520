import { expect, test } from "bun:test";
import { Value } from "@sinclair/typebox/value";
import { CostReport } from "../../schemas/cost.ts";
import { type CostFacts, costOf } from "./cost.ts";

const GIB = 2 ** 30;
const facts: CostFacts = {
  windowSeconds: 60,
  orders: 600,
  processes: [
    { name: "payment", cpuSeconds: 1.5, memoryBytes: GIB / 2 },
    { name: "order", cpuSeconds: 0.75, memoryBytes: GIB / 2 },
  ],
  databases: [
    { database: "saga", bytes: 300_000_000 },
    { database: "order", bytes: 100_000_000 },
  ],
  checkoutsKept: { count: 100_000, isEstimate: false },
  messages: { inWindow: 6_000, bytes: 500, copies: 3 },
  retentionDays: 3,
  notMeasured: ["CPU and memory of Postgres and Kafka"],
};

test("CPU, storage and messages per order, and the amounts at the measured rate and at 10,000 a minute", () => {
  const report = costOf(facts, {});
  expect([...Value.Errors(CostReport, report)]).toEqual([]);
  expect(report.processes.map(({ cpu_ms_per_order, cores }) => [cpu_ms_per_order, cores])).toEqual([
    [2.5, 0.025],
    [1.25, 0.0125],
  ]);
  expect(report).toMatchObject({
    cpu_ms_per_order: 3.75,
    memory_bytes: GIB,
    database_bytes_per_checkout: 4_000,
    messages_per_order: 10,
    kafka_bytes_per_order: 15_000,
  });
  const [measured, extrapolated] = report.at_rate;
  expect(measured).toMatchObject({ orders_per_minute: 600, is_extrapolated: false, cores: 0.0375 });
  expect(extrapolated).toMatchObject({ orders_per_minute: 10_000, is_extrapolated: true, cores: 0.625 });
  // 4,000 bytes, 10,000 a minute, 43,800 minutes.
  expect(extrapolated?.database_gib_per_month).toBeCloseTo((4_000 * 10_000 * 43_800) / GIB, 6);
  expect(extrapolated?.kafka_gib).toBeCloseTo((15_000 * 10_000 * 1_440 * 3) / GIB, 6);
});

test("a number of checkouts that is estimated says so", () => {
  expect(costOf(facts, {}).checkouts_are_estimated).toBe(false);
  const checkoutsKept = { count: 4_000_000, isEstimate: true };
  expect(costOf({ ...facts, checkoutsKept }, {})).toMatchObject({
    checkouts_kept: 4_000_000,
    checkouts_are_estimated: true,
    database_bytes_per_checkout: 100,
  });
});

test("without a price there is none; with prices they add up, and per order it is the month's divided", () => {
  expect(costOf(facts, {}).at_rate.map(({ price_per_month }) => price_per_month)).toEqual([null, null]);
  const [, at] = costOf(facts, { cpuHour: 0.1, memoryGibHour: 0.01 }).at_rate;
  // 0.625 cores and one GiB.
  expect(at?.price_per_month).toBeCloseTo(0.625 * 730 * 0.1 + 730 * 0.01, 9);
  expect(at?.price_per_order).toBeCloseTo((at?.price_per_month ?? 0) / 438_000_000, 15);
  const [, all] = costOf(facts, { cpuHour: 0.1, memoryGibHour: 0.01, gibMonth: 0.2 }).at_rate;
  const storage = (all?.database_gib_per_month ?? 0) + (all?.kafka_gib ?? 0);
  expect(all?.price_per_month).toBeCloseTo(0.625 * 730 * 0.1 + 7.3 + storage * 0.2, 6);
});

test("what was not measured is null, and makes no price", () => {
  const none = costOf({ ...facts, orders: 0 }, { cpuHour: 1 });
  expect(none).toMatchObject({ cpu_ms_per_order: null, messages_per_order: null });
  expect(none.at_rate).toMatchObject([{ orders_per_minute: 10_000, cores: null, price_per_month: null }]);
  const away = costOf(
    { ...facts, processes: [{ name: "a", cpuSeconds: null, memoryBytes: null }] },
    { cpuHour: 1 },
  );
  expect(away).toMatchObject({
    cpu_ms_per_order: null,
    memory_bytes: null,
    processes: [{ cpu_ms_per_order: null }],
  });
  expect(away.at_rate[0]?.price_per_month).toBeNull();
  expect(
    costOf({ ...facts, checkoutsKept: { count: 9_999, isEstimate: false } }, {}).database_bytes_per_checkout,
  ).toBeNull();
  expect(costOf({ ...facts, messages: null }, { gibMonth: 1 }).at_rate[0]).toMatchObject({
    kafka_gib: null,
    price_per_month: null,
  });
});
