// Polls a condition until it is true, instead of sleeping for a fixed time. Used where a process has to become ready.

export interface WaitOptions {
  readonly timeoutMs: number;
  /** The pause between two probes; at least as long as the probe took, so that a dear one (a process) leaves the cores to what it waits for. */
  readonly intervalMs?: number;
  /** Its rejection ends the wait at once, for example because the process has died. */
  readonly abort?: Promise<never>;
}

/**
 * Resolves when `probe` returns true. A probe that throws counts as "not yet"; its last error is the cause of the timeout error.
 * Throws after `timeoutMs`, or with the error of `abort`.
 */
export async function waitUntil(what: string, probe: () => Promise<boolean> | boolean, options: WaitOptions) {
  const { timeoutMs, intervalMs = 25 } = options;
  const settled = new AbortController();
  const loop = async () => {
    const deadline = performance.now() + timeoutMs;
    let lastError: unknown;
    while (!settled.signal.aborted) {
      const askedAt = performance.now();
      try {
        if (await probe()) return;
        lastError = undefined;
      } catch (error) {
        lastError = error;
      }
      const now = performance.now();
      if (now > deadline) {
        throw new Error(`timed out after ${timeoutMs} ms waiting for: ${what}`, { cause: lastError });
      }
      await Bun.sleep(Math.max(intervalMs, now - askedAt));
    }
  };
  try {
    await (options.abort ? Promise.race([loop(), options.abort]) : loop());
  } finally {
    settled.abort();
  }
}
