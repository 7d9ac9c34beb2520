// A run with a finding must be repeatable, and a run without findings must have tried every kind of fault.
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { KIND_NAMES, KINDS, parseReplicas, planFaults } from "./schedule.ts";

const seed = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const count = fc.integer({ min: 0, max: 300 });

describe("a schedule", () => {
  test("is the same for the same seed, and different for another seed", () => {
    expect(planFaults(60, 7)).toEqual(planFaults(60, 7));
    expect(planFaults(60, 7)).not.toEqual(planFaults(60, 8));
  });

  test("has the requested number of faults, each with a target and a duration of its kind", () => {
    fc.assert(
      fc.property(count, seed, (faults, from) => {
        const schedule = planFaults(faults, from);
        expect(schedule.faults).toHaveLength(faults);
        for (const { kind, target, holdMs } of schedule.faults) {
          const { targets, holds } = KINDS[kind];
          const [least, most] = holds ?? [0, 0];
          expect(targets as readonly string[]).toContain(target);
          expect(holdMs).toBeWithin(least * 1_000, most * 1_000 + 1);
        }
      }),
    );
  });

  test("with 60 faults has every kind, and frequent kinds more often", () => {
    fc.assert(
      fc.property(seed, (from) => {
        const kinds = planFaults(60, from).faults.map(({ kind }) => kind);
        expect(new Set(kinds)).toEqual(new Set(KIND_NAMES));
        const times = (kind: string) => kinds.filter((one) => one === kind).length;
        expect(times("service kill")).toBeGreaterThan(times("Redis flush"));
      }),
    );
  });

  test("only fills the small disk", () => {
    fc.assert(
      fc.property(seed, (from) => {
        const { faults, smallDisk } = planFaults(60, from);
        const filled = faults.filter(({ kind }) => kind === "disk full").map(({ target }) => target);
        expect(new Set(filled)).toEqual(new Set([smallDisk]));
      }),
    );
  });

  test("never fails over the server with the small disk, and never overlaps a failover of Postgres or Redis", () => {
    fc.assert(
      fc.property(seed, (from) => {
        const { faults, smallDisk } = planFaults(120, from);
        for (const [index, { kind, target, overlapsNext }] of faults.entries()) {
          const isNext = faults[index + 1]?.kind.endsWith(" failover");
          if (kind === "Postgres failover") expect(target).not.toBe(smallDisk);
          if (kind.endsWith(" failover") || isNext === true) expect(overlapsNext).toBe(false);
        }
      }),
    );
  });

  test("loses only disks of servers with a standby, which are not the small one, and fails no such server over", () => {
    fc.assert(
      fc.property(seed, (from) => {
        const { faults, smallDisk, standbys } = planFaults(120, from);
        expect(standbys.length).toBeGreaterThan(0);
        expect(standbys).not.toContain(smallDisk);
        for (const { kind, target, overlapsNext } of faults) {
          if (kind === "Postgres disk lost") expect(standbys).toContain(target);
          if (kind === "Postgres disk lost") expect(overlapsNext).toBe(false);
          if (kind === "Postgres failover") expect(standbys).not.toContain(target);
        }
      }),
    );
    expect(planFaults(10, 1, new Set(["Postgres disk lost"])).standbys).toEqual([]);
  });

  test("leaves out excluded kinds, and can be limited to some kinds", () => {
    const without = planFaults(100, 1, new Set(["clock jump"]));
    expect(without.faults.map(({ kind }) => kind)).not.toContain("clock jump");
    const only = planFaults(10, 1, new Set(), ["relay kill"]);
    expect(new Set(only.faults.map(({ kind }) => kind))).toEqual(new Set(["relay kill"]));
  });
});

test("with replicas a service fault hits one of them, and the rest of the schedule is unchanged", () => {
  const alone = planFaults(200, 7).faults;
  const { faults } = planFaults(200, 7, new Set(), [], parseReplicas("payment=2,relay=3") ?? {});
  expect(
    faults.map((fault) => ({ ...fault, target: fault.target.replace(/^(payment|relay)-\d$/, "$1") })),
  ).toEqual(alone.map((fault) => ({ ...fault })));
  const hit = new Set(faults.map(({ target }) => target));
  for (const name of ["payment", "payment-2", "relay", "relay-2", "relay-3"]) expect(hit).toContain(name);
});

test.each(["payment", "payment=", "payment=0", "payment=x", "payment=2,", "payment-2=2"])(
  "%s is not a valid replica list",
  (text) => {
    expect(parseReplicas(text)).toBeNull();
  },
);
