// Sentinels and Redis servers with TLS and users, each with no more rights than it needs: a failover works, and nobody else gets in.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { createClient } from "redis";
import { REDIS_USERS, redisUserName, SENTINEL_USERS, sentinelUserName } from "../../schemas/redis-users.ts";
import { CertificateAuthority } from "../stack/secure/certificate-authority.ts";
import { newDataDirectory } from "../testkit/data-directory.ts";
import { OwnSentinels } from "../testkit/own-sentinels.ts";
import { RedisLimitStore } from "./redis-limit-store.ts";
import { openRedis, type Redis } from "./redis.ts";
import { sentinelsAddress } from "./sentinel-address.ts";

const TIMEOUT_MS = 2_000;
const WAIT_MS = 20_000;
const directory = newDataDirectory("redis-sentinel-users");
const passwords = new Map(REDIS_USERS.map((user) => [user, `${user}-at-redis`]));
const sentinelPasswords = new Map(SENTINEL_USERS.map((user) => [user, `${user}-at-a-sentinel`]));
let authority: CertificateAuthority;
let stranger: CertificateAuthority;
let own: OwnSentinels;

beforeAll(async () => {
  authority = await CertificateAuthority.open(join(directory, "authority"));
  stranger = await CertificateAuthority.open(join(directory, "stranger"));
  own = await OwnSentinels.start({
    server: await authority.issue({ name: "redis", hosts: ["127.0.0.1"] }),
    passwords,
    sentinelPasswords,
    adminPassword: "of-the-superuser",
  });
});
afterAll(async () => {
  await own[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true });
});

function redisUrl(caFile = authority.caFile): string {
  const login = `${redisUserName("gateway")}:${passwords.get("gateway")}`;
  return `rediss://${login}@not-used:1?${new URLSearchParams({ ssl_ca_certs: caFile })}`;
}

function sentinelsAs(login: string, caFile = authority.caFile): string {
  const [, hosts = ""] = /@([^?]*)/.exec(own.sentinels) ?? [];
  return `rediss://${login}${hosts}?${new URLSearchParams({ ssl_ca_certs: caFile })}`;
}

const CLIENT = `${sentinelUserName("client")}:${sentinelPasswords.get("client")}@`;

function open(url: string, sentinels: string): Redis {
  const log = { info: () => undefined, warn: () => undefined };
  return openRedis({ url, sentinels, timeoutMs: TIMEOUT_MS, log });
}

async function until(isReached: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + WAIT_MS;
  while (!isReached()) {
    if (performance.now() > deadline) throw new Error(`not seen within ${WAIT_MS} ms: ${what}`);
    await Bun.sleep(10);
  }
}

test("a failover is followed, by users that may do only what they need", async () => {
  await using redis = open(redisUrl(), sentinelsAs(CLIENT));
  await redis.requireSingleServer();
  const limits = new RedisLimitStore(redis);
  const key = `rl:${crypto.randomUUID()}`;
  expect((await limits.increment(key, 2, 60))[0]).toBe(2);
  const from = await own.untilWatched();
  await own.kill(own.nameOf(from));
  const to = await own.untilMoved(from);
  await until(() => redis.isUp && redis.place === `127.0.0.1:${to}`, "the new master is used");
  // The replica has what was written before.
  expect((await limits.increment(key, 1, 60))[0]).toBe(3);
  await own.startAgain(own.nameOf(from));
  expect(await own.untilWatched()).toBe(to);
  expect(redis.place).toBe(`127.0.0.1:${to}`);
});

test.each([
  [
    "a wrong password at the Sentinels",
    () => [redisUrl(), sentinelsAs("checkout-sentinel-client:wrong@")],
    /WRONGPASS/,
  ],
  ["no name at the Sentinels", () => [redisUrl(), sentinelsAs("")], /NOAUTH/],
  [
    "no encryption to the Sentinels",
    () => [redisUrl(), sentinelsAs(CLIENT).replace("rediss:", "redis:").replace(/\?.*/, "")],
    /no Sentinel says/,
  ],
  [
    "the certificate of another authority at the Sentinels",
    () => [redisUrl(), sentinelsAs(CLIENT, stranger.caFile)],
    /certificate|verify/i,
  ],
  [
    "the certificate of another authority at Redis",
    () => [redisUrl(stranger.caFile), sentinelsAs(CLIENT)],
    /certificate|verify/i,
  ],
  [
    "a wrong password at Redis",
    () => [redisUrl().replace("gateway-at-redis", "wrong"), sentinelsAs(CLIENT)],
    /WRONGPASS/,
  ],
])("with %s a role goes on without Redis, and /readyz says why", async (_what, addresses, why) => {
  const [url = "", sentinels = ""] = addresses();
  await using redis = open(url, sentinels);
  await redis.requireSingleServer();
  expect(await redis.present(["idem:payment:1"])).toEqual([false]);
  await expect(async () => await redis.ready()).toThrow(why);
});

test.each([
  ["client", "starts a failover", ["SENTINEL", "FAILOVER", "checkout"]],
  ["client", "sends others to another server", ["SENTINEL", "MONITOR", "checkout", "127.0.0.1", "9", "1"]],
  ["client", "changes what the Sentinels do", ["SENTINEL", "SET", "checkout", "quorum", "1"]],
  ["client", "tells of a master that is none", ["PUBLISH", "__sentinel__:hello", "x"]],
  ["client", "stops the Sentinel", ["SHUTDOWN", "NOSAVE"]],
  ["client", "reads the passwords", ["SENTINEL", "CONFIG", "GET", "*"]],
  ["peer", "forgets the master", ["SENTINEL", "REMOVE", "checkout"]],
  ["peer", "gives itself rights", ["ACL", "SETUSER", "checkout-sentinel-peer", "+@all"]],
] as const)("at a Sentinel, %s %s: refused", async (user, _harm, command) => {
  const login = `${sentinelUserName(user)}:${sentinelPasswords.get(user)}@`;
  const [{ address } = { address: undefined }] = sentinelsAddress(sentinelsAs(login)).nodes;
  const socket = { ...address?.tls, reconnectStrategy: false } as const;
  const client = createClient({ url: address?.url ?? "", socket, disableClientInfo: true });
  client.on("error", () => undefined);
  await client.connect();
  try {
    const answer = await client.sendCommand([...command]).catch((error: Error) => error.message);
    expect(answer).toMatch(/NOPERM/);
  } finally {
    client.destroy();
  }
});
