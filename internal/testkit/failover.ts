// A failover of a server that this process has started itself; what is done is internal/faults/failover.ts's.
import { failOver, type Holder } from "../faults/failover.ts";
import type { Managed } from "../stack/managed.ts";

/** Resolves when a standby answers at the address of `server`; `promote` ends that. */
export async function failOverManaged(server: Managed): Promise<void> {
  let restart = Promise.resolve();
  const holder: Holder = {
    proven: () => [server.pid],
    hold: () => server.kill("SIGKILL"),
    ended: () => (server.exit() === null ? [] : [server.name]),
    release: () => void (restart = server.restart()),
  };
  await failOver(holder, server.name, server.address);
  await restart;
}
