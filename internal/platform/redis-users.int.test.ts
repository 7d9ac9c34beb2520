// The users of Redis on a real server with TLS: each does all that its role does, and nothing else.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { createClient } from "redis";
import { REDIS_USERS, type RedisUser, redisUserName } from "../../schemas/redis-users.ts";
import { CertificateAuthority } from "../stack/secure/certificate-authority.ts";
import { newDataDirectory } from "../testkit/data-directory.ts";
import { OwnRedis } from "../testkit/own-redis.ts";
import { Metrics } from "./metrics.ts";
import { greet } from "./redis-meet.ts";
import { RedisLimitStore } from "./redis-limit-store.ts";
import { redisAddress } from "./redis-tls.ts";
import { openRedis, type Redis } from "./redis.ts";
import { RevocationStore } from "./revocation-store.ts";

const TIMEOUT_MS = 2_000;
const WAIT_MS = 10_000;
const SERVICES = ["orchestrator", "inventory", "payment", "order", "notification"] as const;

const directory = newDataDirectory("redis-users");
const passwords = new Map<RedisUser, string>(REDIS_USERS.map((user) => [user, `${user} p/ss:w?rd`]));
let authority: CertificateAuthority;
let stranger: CertificateAuthority;
let server: OwnRedis;

beforeAll(async () => {
  authority = await CertificateAuthority.open(join(directory, "authority"));
  stranger = await CertificateAuthority.open(join(directory, "stranger"));
  server = await OwnRedis.start({
    server: await authority.issue({ name: "redis", hosts: ["127.0.0.1", "localhost"] }),
    passwords,
    adminPassword: "of-the-superuser",
  });
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true });
});

function addressOf(user: RedisUser, password = passwords.get(user) ?? "", caFile = authority.caFile): string {
  const url = new URL(server.address);
  [url.username, url.password] = [redisUserName(user), encodeURIComponent(password)];
  url.searchParams.set("ssl_ca_certs", caFile);
  return url.href;
}

function open(url: string, logged: string[] = [], metrics = new Metrics()): Redis {
  const note = (_fields: object, message: string) => void logged.push(message);
  return openRedis({ url, timeoutMs: TIMEOUT_MS, log: { info: note, warn: note }, metrics });
}

async function until(isReached: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + WAIT_MS;
  while (!isReached()) {
    if (performance.now() > deadline) throw new Error(`not seen within ${WAIT_MS} ms: ${what}`);
    await Bun.sleep(10);
  }
}

async function connected(user: RedisUser): Promise<Redis> {
  const redis = open(addressOf(user));
  await redis.requireSingleServer();
  await until(() => redis.isUp, `Redis answers ${user}`);
  return redis;
}

test.each(SERVICES)("%s remembers the messages that it has handled", async (service) => {
  await using redis = await connected(service);
  const keys = [1, 2].map((id) => `idem:${service}:${id}`);
  await redis.remember(keys.slice(0, 1), 60);
  expect(await redis.present(keys)).toEqual([true, false]);
  expect(redis.isUp).toBe(true);
});

test("the gateway counts what it limits, and reads which sessions are revoked; the operator revokes them", async () => {
  await using gateway = await connected("gateway");
  const limits = new RedisLimitStore(gateway);
  expect((await limits.increment("rl:user:a", 2, 60))[0]).toBe(2);
  expect((await limits.increment("rl:user:a", 1, 60))[0]).toBe(3);
  const counts = { cards: [{ key: "rl:cards:a", limit: 1 }], others: [{ key: "rl:open:a", limit: 1 }] };
  const at = { now: 1_000, windowMs: 60_000 };
  expect(await limits.checkout({ ...counts, ...at, method: "visa" })).toBeNull();
  expect((await limits.checkout({ ...counts, ...at, method: "amex" }))?.key).toBe("rl:cards:a");
  await limits.add("rl:open:a", "saga", 1_000, 60_000);
  await limits.remove("rl:open:a", "saga");

  const clock = { now: () => Date.now() };
  await using operator = await connected("operator");
  const expiresAt = Math.floor(Date.now() / 1_000) + 600;
  await new RevocationStore(operator, clock).add([{ kind: "session", id: "s-1", expiresAt }]);
  for (const redis of [operator, gateway])
    expect((await new RevocationStore(redis, clock).read(undefined))?.revocations).toEqual([
      { kind: "session", id: "s-1", expiresAt },
    ]);
  // As doctor asks.
  expect(await operator.run("doctor", greet)).toMatchObject({ role: "master", version: expect.any(String) });
  await operator.run("doctor", (client) => client.sendCommand(["TIME"]));
});

/** Each would harm somebody. */
const FORBIDDEN: readonly (readonly [user: RedisUser, harm: string, command: readonly string[]])[] = [
  ["payment", "forgets messages of another service", ["SET", "idem:order:1", "1"]],
  ["payment", "reads limits", ["MGET", "rl:user:a"]],
  ["payment", "un-revokes a session", ["SET", "auth:revoked:version", "1"]],
  ["payment", "removes what it remembers", ["DEL", "idem:payment:1"]],
  ["payment", "empties the server", ["FLUSHALL"]],
  ["payment", "lists all keys", ["KEYS", "*"]],
  [
    "payment",
    "goes around its keys by a script",
    ["EVAL", "return redis.call('set', KEYS[1], '1')", "1", "idem:order:1"],
  ],
  ["payment", "stops the server", ["SHUTDOWN", "NOSAVE"]],
  ["payment", "changes the server", ["CONFIG", "SET", "dir", "/etc"]],
  ["payment", "gives itself rights", ["ACL", "SETUSER", "checkout-payment", "+@all"]],
  ["payment", "sees what others send", ["MONITOR"]],
  ["gateway", "un-revokes a session", ["ZREM", "auth:revoked", "session:s-1"]],
  ["gateway", "revokes a session", ["ZADD", "auth:revoked", "9999999999", "user:x"]],
  ["gateway", "makes a service repeat messages", ["SET", "idem:payment:1", "1"]],
  ["operator", "lifts limits", ["ZREMRANGEBYSCORE", "rl:user:a", "-inf", "+inf"]],
  ["operator", "empties the server", ["FLUSHDB"]],
];

test.each(FORBIDDEN)("%s %s: refused", async (user, _harm, command) => {
  const { url, tls } = redisAddress(addressOf(user));
  const client = createClient({ url, socket: { ...tls, reconnectStrategy: false }, disableClientInfo: true });
  client.on("error", () => undefined);
  await client.connect();
  try {
    const answer = await client.sendCommand([...command]).catch((error: Error) => error.message);
    expect(answer).toMatch(/NOPERM|can't access at least one of the keys|ACL failure/);
  } finally {
    client.destroy();
  }
});

test("a role with the user of another works as if Redis were away, and says so once", async () => {
  const logged: string[] = [];
  const metrics = new Metrics();
  await using redis = open(addressOf("payment"), logged, metrics);
  await redis.requireSingleServer();
  await until(() => redis.isUp, "Redis answers");
  const keys = ["idem:order:1", "idem:order:2"];
  await redis.remember(keys, 60);
  expect(await redis.present(keys)).toEqual([false, false]);
  expect(redis.isUp).toBe(false);
  // More than a probe of a server that is away would take.
  await Bun.sleep(1_500);
  expect(redis.isUp).toBe(false);
  expect(logged.filter((line) => line.includes("NOPERM"))).toHaveLength(1);
  expect(redis.denied()).toMatch(/NOPERM.*grants redis/);
});

test.each([
  ["a wrong password", () => addressOf("payment", "wrong"), /WRONGPASS/],
  ["no name", () => server.address.replace(/checkout-admin:[^@]*@/, ""), /NOAUTH/],
  ["no encryption", () => addressOf("payment").replace("rediss:", "redis:").replace(/\?.*/, ""), /./],
  [
    "the certificate of another authority",
    () => addressOf("payment", undefined, stranger.caFile),
    /certificate|verify/i,
  ],
])("with %s a role goes on without Redis", async (_what, url, why) => {
  await using redis = open(url());
  await redis.requireSingleServer();
  expect(await redis.present(["idem:payment:1"])).toEqual([false]);
  await expect(async () => await redis.ready()).toThrow(why);
});

test.each([
  ["redis://h:1?ssl_ca_certs=/etc/hostname", "must begin with rediss://"],
  ["rediss://h:1?ssl_ca_certs=/nowhere/ca.crt", "ssl_ca_certs=/nowhere/ca.crt cannot be read"],
  ["rediss://h:1?ssl_certfile=/etc/hostname", "only one of ssl_certfile and ssl_keyfile"],
])("%s is refused at the start", (url, why) => {
  expect(() => open(url)).toThrow(why);
});
