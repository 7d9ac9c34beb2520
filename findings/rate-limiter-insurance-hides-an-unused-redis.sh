#!/usr/bin/env bash
# Expected: RateLimiterRedis recognises a client of the `redis` package: it looks at the client's class for that. At worst a wrong client fails.
# Happens:  the class is called `Class`, and the limiter looks for `Commander`, so the client is taken for another library's. Without an insurance
#           limiter every request fails with a TypeError. With one, every request is answered by it: nothing ever reaches Redis, and nothing
#           is thrown or logged. `useRedisPackage: true` is needed.
# Matters:  each process counts alone, so ten gateways admit ten times the limit, and a restart forgets all counts. Tests with one process
#           notice nothing.
# Seen:     rate-limiter-flexible 11.4.0 with redis 6.3.1 on Node 20.20.2, Redis 7.0.15, 2026-11-29.
# Source:   rate-limiter-flexible, lib/RateLimiterRedis.js (constructor: the name of the client's class) and
#           lib/RateLimiterInsuredAbstract.js (any error of the store leads to the insurance limiter, a TypeError too).
# Needs:    redis-server on PATH, or its path in REDIS_SERVER.
set -euo pipefail
server=${REDIS_SERVER:-$(command -v redis-server)} || { echo "no redis-server on PATH: install it, or set REDIS_SERVER"; exit 2; }
folder=$(mktemp -d)
pid=
trap '[ -z "$pid" ] || kill "$pid"; rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --prefix . rate-limiter-flexible@11.4.0 redis@6.3.1
"$server" --unixsocket "$folder/redis.sock" --port 0 --save "" --dir "$folder" >redis.log 2>&1 &
pid=$!
for _ in $(seq 50); do [ -S redis.sock ] && break; sleep 0.1; done
cat >seen.mjs <<'JS'
import limiters from "rate-limiter-flexible";
import { createClient } from "redis";
const client = createClient({ socket: { path: process.argv[2] } });
await client.connect();
const redis = { storeClient: client, points: 2, duration: 60 };
const insuranceLimiter = new limiters.RateLimiterMemory({ points: 2, duration: 60 });
const outcome = async (limiter) => {
  try {
    await limiter.consume("ada");
    return "admitted";
  } catch (error) {
    return error instanceof Error ? error.constructor.name : "refused";
  }
};
const seen = async (name, options) => {
  const limiter = new limiters.RateLimiterRedis({ ...redis, ...options, keyPrefix: name });
  const outcomes = [];
  for (let request = 0; request < 3; request += 1) outcomes.push(await outcome(limiter));
  console.log(`${name}: ${outcomes.join(" ")}; keys in Redis: ${(await client.keys(`${name}:*`)).length}`);
};
await seen("default", {});
await seen("insured", { insuranceLimiter });
await seen("told", { useRedisPackage: true });
client.destroy();
JS
seen=$(node seen.mjs "$folder/redis.sock")
printf 'node %s, %s\nrate-limiter-flexible 11.4.0, redis 6.3.1\n%s\n' "$(node --version)" "$("$server" --version | cut -d' ' -f1-3)" "$seen"
[ "$seen" = "default: TypeError TypeError TypeError; keys in Redis: 0
insured: admitted admitted refused; keys in Redis: 0
told: admitted admitted refused; keys in Redis: 1" ] || { echo "CHANGED: other outcomes"; exit 1; }
