// Waiting by level: ask again until it is so, never sleep and hope. Used wherever a process has to become ready.

export interface WaitOptions {
  readonly timeoutMs: number;
  /** How long to pause between two looks. */
  readonly intervalMs?: number;
  /** Ends the wait at once when it rejects, for example because the process has died. */
  readonly abort?: Promise<never>;
}

/**
 * Resolves once `probe` returns true. A probe that throws counts as "not yet"; its last error is told when time runs out.
 * Throws when `timeoutMs` has passed, or what `abort` rejects with.
 */
export async function waitUntil(what: string, probe: () => Promise<boolean> | boolean, options: WaitOptions) {
  const { timeoutMs, intervalMs = 25 } = options;
  const settled = new AbortController();
  const loop = async () => {
    const deadline = performance.now() + timeoutMs;
    let lastError: unknown;
    while (!settled.signal.aborted) {
      try {
        if (await probe()) return;
        lastError = undefined;
      } catch (error) {
        lastError = error;
      }
      if (performance.now() > deadline) {
        throw new Error(`${what}: not so after ${timeoutMs} ms`, { cause: lastError });
      }
      await Bun.sleep(intervalMs);
    }
  };
  try {
    await (options.abort ? Promise.race([loop(), options.abort]) : loop());
  } finally {
    settled.abort();
  }
}
