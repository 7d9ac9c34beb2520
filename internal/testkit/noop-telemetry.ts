// Metrics and logs that keep nothing, for tests. Labels are checked as the Prometheus client checks them: it throws on a label that
// was not declared, and the work around the measurement fails with it.
import { assert } from "../kernel/errors.ts";
import type { Meter } from "../kernel/telemetry.ts";

type Labels = Readonly<Record<string, string>>;

/** A meter that checks labels and hands what counters count to `onCount`. */
export function checkedMeter(onCount: (name: string, labels: Labels) => void = ignore): Meter {
  const checked =
    (name: string, declared: readonly string[] = []) =>
    (labels: Labels) => {
      const unknown = Object.keys(labels).filter((label) => !declared.includes(label));
      assert(unknown.length === 0, `${name} was registered without the label ${unknown.join(", ")}`);
    };
  return {
    counter(name, _, declared) {
      const check = checked(name, declared);
      return {
        inc(labels) {
          check(labels);
          onCount(name, labels);
        },
      };
    },
    gauge: (name, _, declared) => ({ set: checked(name, declared) }),
    histogram: (name, _, declared) => ({ observe: checked(name, declared) }),
  };
}

export const noMeter = checkedMeter();

export const noLog = { info: ignore, warn: ignore, error: ignore };

export function ignore(): void {}
