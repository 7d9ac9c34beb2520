// Redis as it must never be trusted: empty from one moment to the next, and full of wrong answers. Used by the nemesis and by the
// tests on the compiled binaries.
import { createClient } from "redis";

const SPOILT_KEYS = 5_000;
const NO_MEMORY = { "maxmemory-policy": "noeviction", maxmemory: "1" } as const;
/** As the local stack starts it. Not what was found before: a second spoiling would find the first. */
const HEALTHY = { "maxmemory-policy": "allkeys-lru", maxmemory: "256mb" } as const;

export async function flushRedis(url: string): Promise<void> {
  await withRedis(url, (redis) => redis.flushAll());
}

/** Every key answers with the wrong type, and every write is refused for want of memory. Ends the latter when called back. */
export async function spoilRedis(url: string): Promise<() => Promise<void>> {
  await withRedis(url, async (redis) => {
    for (const key of (await redis.keys("*")).slice(0, SPOILT_KEYS))
      await redis.multi().del(key).lPush(key, "not what you wrote").exec();
    await redis.configSet(NO_MEMORY);
  });
  return () => withRedis(url, (redis) => redis.configSet(HEALTHY));
}

const openRedis = (url: string) => createClient({ url }).connect();

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
