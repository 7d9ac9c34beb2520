// Waits until a system without new work is idle, so that an audit that expects this does not report the last mail's outbox row on its
// way to Kafka.
import type { AuditSources } from "./sources.ts";
import { hasOpenSagas, hasWaiting } from "./store.ts";

const POLL_MS = 100;

/** Resolves when every saga is finished and nothing waits to be published or retried, or after `timeoutMs`. */
export async function untilIdle({ databases }: AuditSources, timeoutMs: number): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  const isBusy = async () => {
    if (await hasOpenSagas(databases.saga)) return true;
    const waiting = await Promise.all(Object.values(databases).map((sql) => hasWaiting(sql)));
    return waiting.includes(true);
  };
  while ((await isBusy()) && performance.now() < deadline) await Bun.sleep(POLL_MS);
}
