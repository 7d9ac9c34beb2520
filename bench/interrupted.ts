// Leaves nothing behind when a run is interrupted: a signal disposes of the last opened stack or system.
const EXIT_INTERRUPTED = 130;

export function takeDownWhenInterrupted(opened: AsyncDisposable): void {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.removeAllListeners(signal);
    process.on(signal, () => {
      const exit = () => process.exit(EXIT_INTERRUPTED);
      // The running load loses its servers and would throw.
      process.on("unhandledRejection", () => {});
      void opened[Symbol.asyncDispose]().then(exit, exit);
    });
  }
}
