// What the limits do in Redis, as scripts: each is one command and one step for all gateways. Used by redis-limit-store.ts; redis.ts
// registers them, so that the server gets the text once.
import { defineScript } from "redis";

/** Points for a counter that ends `seconds` after its first point. */
export interface CountedPoints {
  readonly key: string;
  readonly points: number;
  readonly seconds: number;
}

/** All counters of a request, because the cost is per command. ARGV: points and seconds of each key. Returns {sum, ms left} of each. */
const countPoints = defineScript({
  SCRIPT: `
    local counts = {}
    for i, key in ipairs(KEYS) do
      local sum = redis.call("incrby", key, ARGV[2 * i - 1])
      local ms = redis.call("pttl", key)
      if ms < 0 then
        redis.call("expire", key, ARGV[2 * i])
        ms = 1000 * ARGV[2 * i]
      end
      counts[2 * i - 1], counts[2 * i] = sum, ms
    end
    return counts`,
  parseCommand(parser, counters: readonly CountedPoints[]) {
    parser.pushKeysLength(counters.map(({ key }) => key));
    for (const { points, seconds } of counters) parser.push(String(points), String(seconds));
  },
  transformReply: (reply: unknown): readonly number[] => numbersOf(reply),
});

/**
 * Sorted sets of members by their expiry. KEYS: sets to look at, then sets that get ARGV[3]. ARGV: now and window in ms, the member,
 * how many sets are only looked at, then one limit per key. Returns {position of the first full set or 0, ms until it has room}.
 */
const takeRoom = defineScript({
  SCRIPT: `
    local now, window, member, looked = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4])
    for i, key in ipairs(KEYS) do
      redis.call("zremrangebyscore", key, "-inf", now)
      if redis.call("zcard", key) >= tonumber(ARGV[4 + i]) and (i <= looked or not redis.call("zscore", key, member)) then
        local first = redis.call("zrange", key, 0, 0, "withscores")
        return {i, math.max(0, math.ceil((tonumber(first[2]) or now) - now))}
      end
    end
    for i = looked + 1, #KEYS do
      redis.call("zadd", KEYS[i], "nx", now + window, member)
      if redis.call("pttl", KEYS[i]) < window then redis.call("pexpire", KEYS[i], window) end
    end
    return {0, 0}`,
  parseCommand(parser, keys: readonly string[], args: readonly (string | number)[]) {
    parser.pushKeysLength([...keys]);
    for (const arg of args) parser.push(String(arg));
  },
  transformReply: (reply: unknown): readonly number[] => numbersOf(reply),
});

/** Adds ARGV[1] to a sorted set until ARGV[2] (epoch ms), which is ARGV[3] ms away. */
const addUntil = defineScript({
  NUMBER_OF_KEYS: 1,
  SCRIPT: `
    redis.call("zadd", KEYS[1], ARGV[2], ARGV[1])
    if redis.call("pttl", KEYS[1]) < tonumber(ARGV[3]) then redis.call("pexpire", KEYS[1], ARGV[3]) end`,
  parseCommand(parser, key: string, member: string, until: number, windowMs: number) {
    parser.pushKey(key);
    parser.push(member, String(until), String(windowMs));
  },
  transformReply: (): null => null,
});

export const limitScripts = { countPoints, takeRoom, addUntil };

function numbersOf(reply: unknown): readonly number[] {
  return Array.isArray(reply) ? reply.map(Number) : [];
}
