// A failover of a server that this process has started. The work is done by internal/faults/failover.ts.
import { failOver, type Holder } from "../faults/failover.ts";
import type { Managed } from "../stack/managed.ts";

/**
 * Resolves when a read-only standby answers at the address of `server` and its restart is complete. `promote` makes it a primary. With
 * `whileCut` it lacks what was written while that ran.
 */
export async function failOverManaged(server: Managed, whileCut?: () => Promise<unknown>): Promise<void> {
  let restart = Promise.resolve();
  const holder: Holder = {
    proven: () => [server.pid],
    hold: () => server.kill("SIGKILL"),
    ended: () => (server.exit() === null ? [] : [server.name]),
    release: () => void (restart = server.restart()),
  };
  await failOver(holder, server.name, server.address, whileCut);
  await restart;
}
