// Adjustable clocks: libfaketime is loaded into some roles and reads the clock offset from a file once a second. Only the wall clock
// jumps, as when an operator or NTP sets it; timers are not affected.
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { CLOCKED } from "./schedule.ts";

/** The paths of Debian's package `libfaketime`. */
const LIBRARIES = ["x86_64-linux-gnu", "aarch64-linux-gnu"].map(
  (architecture) => `/usr/lib/${architecture}/faketime/libfaketime.so.1`,
);
const library = LIBRARIES.find((path) => existsSync(path));

/** Why clocks cannot be set, with the remedy; null if they can. */
export const clocksLack =
  library === undefined ? "libfaketime is not installed: apt-get install libfaketime" : null;

export class Clocks {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
    mkdirSync(directory, { recursive: true });
    for (const role of CLOCKED) this.set(role, 0);
  }

  /** The arguments of `stack up` that give roles an adjustable clock. */
  get stackArguments(): string[] {
    if (library === undefined) return [];
    return CLOCKED.flatMap((role) =>
      Object.entries({
        LD_PRELOAD: library,
        FAKETIME_TIMESTAMP_FILE: this.#file(role),
        FAKETIME_CACHE_DURATION: "1",
        FAKETIME_DONT_FAKE_MONOTONIC: "1",
      }).flatMap(([name, value]) => ["--set", `${role}.${name}=${value}`]),
    );
  }

  /** Sets the offset to the true time in seconds. The role uses it within a second. */
  set(role: string, offsetSeconds: number): void {
    writeFileSync(this.#file(role), `${offsetSeconds < 0 ? "-" : "+"}${Math.abs(offsetSeconds)}\n`);
  }

  #file(role: string): string {
    return `${this.#directory}/clock-${role}`;
  }
}
