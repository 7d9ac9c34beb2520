// What a run that is stopped leaves behind: nothing. The signals take down the system that was opened last.
import type { System } from "./system.ts";

const EXIT_INTERRUPTED = 130;

export function takeDownWhenInterrupted(system: System): void {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.removeAllListeners(signal);
    process.on(signal, () => {
      const exit = () => process.exit(EXIT_INTERRUPTED);
      // The load that is under way finds nobody any more.
      process.on("unhandledRejection", () => {});
      void system[Symbol.asyncDispose]().then(exit, exit);
    });
  }
}
