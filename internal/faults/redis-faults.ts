// Redis faults: suddenly empty, or full of wrong answers, because Redis must never be trusted. Used by the nemesis and by the tests
// on the compiled binaries.
import { readFileSync } from "node:fs";
import { createClient } from "redis";

const SPOILT_KEYS = 5_000;
const NO_MEMORY = { "maxmemory-policy": "noeviction", maxmemory: "1" } as const;
/** The settings of the local stack. They are not read from the server, because a second spoiling would read those of the first. */
const HEALTHY = { "maxmemory-policy": "allkeys-lru", maxmemory: "256mb" } as const;

export async function flushRedis(url: string): Promise<void> {
  await withRedis(url, (redis) => redis.flushAll());
}

/**
 * Every key answers with the wrong type, and every write is rejected for lack of memory. The returned function makes writes work
 * again.
 */
export async function spoilRedis(url: string): Promise<() => Promise<void>> {
  await withRedis(url, async (redis) => {
    for (const key of (await redis.keys("*")).slice(0, SPOILT_KEYS))
      await redis.multi().del(key).lPush(key, "not what you wrote").exec();
    await redis.configSet(NO_MEMORY);
  });
  return () => withRedis(url, (redis) => redis.configSet(HEALTHY));
}

/** The address of a stack with `--secure` names the authority of the server's certificate. */
function openRedis(address: string) {
  const url = new URL(address);
  const caFile = url.searchParams.get("ssl_ca_certs");
  const socket = caFile === null ? {} : ({ tls: true, ca: readFileSync(caFile) } as const);
  return createClient({ url: url.href, socket }).connect();
}

async function withRedis(
  url: string,
  work: (redis: Awaited<ReturnType<typeof openRedis>>) => Promise<unknown>,
): Promise<void> {
  const redis = await openRedis(url);
  try {
    await work(redis);
  } finally {
    redis.destroy();
  }
}
