// What a run that is stopped leaves behind: nothing. The signals take down what was opened last.
const EXIT_INTERRUPTED = 130;

export function takeDownWhenInterrupted(opened: AsyncDisposable): void {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.removeAllListeners(signal);
    process.on(signal, () => {
      const exit = () => process.exit(EXIT_INTERRUPTED);
      // The load that is under way finds nobody any more.
      process.on("unhandledRejection", () => {});
      void opened[Symbol.asyncDispose]().then(exit, exit);
    });
  }
}
