// The checks of `checkoutctl doctor` that ask Redis and its Sentinels.
import type { Check } from "../../internal/operations/doctor.ts";
import {
  type AwaySentinel,
  judgeSentinels,
  type SentinelFacts,
} from "../../internal/operations/doctor-sentinels.ts";
import { judgeClock, judgeRedis } from "../../internal/operations/doctor-verdicts.ts";
import { describeError } from "../../internal/kernel/errors.ts";
import { askSentinel, type SentinelWords } from "../../internal/platform/ask-sentinel.ts";
import { greet } from "../../internal/platform/redis-meet.ts";
import { openRedis, type Redis } from "../../internal/platform/redis.ts";
import { redisPlace, sentinelsAddress } from "../../internal/platform/sentinel-address.ts";
import { samePlaceText } from "../../internal/platform/server-place.ts";
import { clockReading } from "./doctor-databases.ts";
import { CONNECT_TIMEOUT_MS } from "./overview-sources.ts";
import type { Settings } from "./settings.ts";

export function redisChecks(settings: Settings): readonly Check[] {
  const url = settings.optional("REDIS_URL");
  if (url === undefined) return [];
  const sentinels = settings.optional("REDIS_SENTINELS");
  const subject = sentinels === undefined ? redisPlace(url) : "master";
  const ask = async <T>(
    run: (send: (...args: string[]) => Promise<unknown>, redis: Redis) => Promise<T>,
  ): Promise<T> => {
    const log = { info: () => undefined, warn: () => undefined };
    await using redis = openRedis({ url, sentinels, timeoutMs: CONNECT_TIMEOUT_MS, log });
    await redis.requireSingleServer();
    return await run((...args) => redis.run("doctor", (client) => client.sendCommand(args)), redis);
  };
  const wrong = sentinels === undefined ? "REDIS_URL" : "REDIS_URL or REDIS_SENTINELS";
  return [
    {
      check: "redis",
      subject,
      run: () =>
        ask(async (_, redis) => {
          // Not by INFO, which this user may not be allowed to send.
          const { version = "of an unknown version" } = await redis.run("doctor", greet);
          return [judgeRedis(redis.place, version, redis.uncertain)];
        }),
      whenAway: {
        verdict: "problem",
        todo: `start it, or correct ${wrong}; roles work without it, more slowly (runbook, Redis)`,
      },
    },
    {
      check: "clock",
      subject: "redis",
      run: () =>
        ask(async (send) => {
          const reading = await clockReading(async () => {
            const answer = await send("TIME");
            const [seconds, micros] = Array.isArray(answer) ? answer.map(Number) : [];
            return (seconds ?? Number.NaN) * 1_000 + (micros ?? 0) / 1_000;
          });
          return [judgeClock("redis", reading)];
        }),
    },
    ...(sentinels === undefined ? [] : [sentinelCheck(sentinels)]),
  ];
}

function sentinelCheck(setting: string): Check {
  return {
    check: "sentinels",
    subject: "all",
    async run() {
      const { name, nodes } = sentinelsAddress(setting);
      const asked = nodes.map(async ({ place, address }): Promise<SentinelFacts | AwaySentinel> => {
        try {
          return factsOf(place, await askSentinel(address, name));
        } catch (error) {
          return { place, why: describeError(error) };
        }
      });
      return judgeSentinels(await Promise.all(asked));
    },
  };
}

function factsOf(place: string, { master, replicas, disagreement }: SentinelWords): SentinelFacts {
  return {
    place,
    // Sentinels may write one server differently, and doctor compares.
    master: samePlaceText({ host: master["ip"] ?? "", port: Number(master["port"]) }),
    isMasterDown: /down/.test(master["flags"] ?? ""),
    sentinels: 1 + Number(master["num-other-sentinels"]),
    quorum: Number(master["quorum"]),
    replicas: replicas.length,
    goodReplicas: replicas.filter(
      (one) => one["master-link-status"] === "ok" && !/down|disconnected/.test(one["flags"] ?? ""),
    ).length,
    disagreement,
  };
}
