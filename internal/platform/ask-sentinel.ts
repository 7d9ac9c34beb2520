// Asks one Sentinel, once, what it knows of the master. Called by `checkoutctl doctor`.
import { createClient } from "redis";
import { describeError } from "../kernel/errors.ts";
import { connectionOptions } from "./redis-client.ts";
import { fieldsOf } from "./redis-reply.ts";
import type { RedisAddress } from "./redis-tls.ts";

export interface SentinelWords {
  /** Of SENTINEL MASTER. */
  readonly master: Readonly<Record<string, string>>;
  /** Of SENTINEL REPLICAS. */
  readonly replicas: readonly Readonly<Record<string, string>>[];
  /** Why SENTINEL CKQUORUM fails; undefined if it does not. */
  readonly disagreement: string | undefined;
}

/** Throws what the connection or the first question throws. */
export async function askSentinel(address: RedisAddress, name: string): Promise<SentinelWords> {
  const client = createClient({ ...connectionOptions(address, { reconnects: false }), pingInterval: 0 });
  // `connect` throws it as well.
  client.on("error", () => undefined);
  try {
    await client.connect();
    const ask = async (what: string) => await client.sendCommand(["SENTINEL", what, name]);
    const [master, replicas, disagreement] = await Promise.all([
      ask("MASTER"),
      ask("REPLICAS"),
      ask("CKQUORUM").then(() => undefined, describeError),
    ]);
    const followers = Array.isArray(replicas) ? replicas.map((one: unknown) => fieldsOf(one)) : [];
    return { master: fieldsOf(master), replicas: followers, disagreement };
  } finally {
    client.destroy();
  }
}
