// A Sentinel that refuses to say when the master moves: it is asked again, at the first connection and at each later one.
import { expect, test } from "bun:test";
import { waitUntil } from "../stack/wait.ts";
import { list, RespServer } from "../testkit/resp-server.ts";
import { openRedis } from "./redis.ts";

const TIMEOUT_MS = 4_000;
const REFUSAL = "NOPERM this user has no permissions to access one of the channels used as arguments";
const until = (what: string, isReached: () => boolean) =>
  waitUntil(what, isReached, { timeoutMs: TIMEOUT_MS });

/** A master, and a Sentinel that names it. */
class Servers implements Disposable {
  readonly master = new RespServer(([name]) => (name === "HELLO" ? list("role", "master") : "+OK\r\n"));
  readonly sentinel = new RespServer(([, what]) =>
    what === "MASTER" ? list("config-epoch", "1") : list(this.#named(), String(this.master.port)),
  );
  /** The forms in which it writes the master, in turn. */
  forms: readonly string[] = ["127.0.0.1"];
  asked = 0;

  #named(): string {
    this.asked += 1;
    return this.forms[this.asked % this.forms.length] ?? "";
  }

  get sentinels(): string {
    return `redis://127.0.0.1:${this.sentinel.port}/checkout`;
  }

  [Symbol.dispose](): void {
    this.master[Symbol.dispose]();
    this.sentinel[Symbol.dispose]();
  }
}

function open(sentinels: string) {
  const logged: string[] = [];
  const note = (_: object, text: string) => void logged.push(text);
  const log = { info: note, warn: note };
  return { logged, redis: openRedis({ url: "redis://127.0.0.1:9", sentinels, timeoutMs: TIMEOUT_MS, log }) };
}

test("a refused subscription is tried again, said once, and the Sentinel answers meanwhile", async () => {
  using servers = new Servers();
  const { sentinel, sentinels } = servers;
  sentinel.refusal = REFUSAL;
  const opened = open(sentinels);
  await using redis = opened.redis;
  await until("it is refused again", () => sentinel.refusals > 1);
  await until("the master is used", () => redis.isUp);
  const says = () => opened.logged.filter((text) => text.includes("when the master moves"));
  expect(says()).toEqual([expect.stringContaining(REFUSAL)]);
  expect(redis.sentinelsDenied()).toContain("grants redis --sentinel");
  // when
  sentinel.refusal = undefined;
  await until("it is subscribed", () => sentinel.subscriptions === 1);
  await until("nothing is refused", () => redis.sentinelsDenied() === null);
  expect(says()).toEqual([
    expect.stringContaining(REFUSAL),
    `the Sentinel 127.0.0.1:${sentinel.port} says again when the master moves`,
  ]);
  expect(sentinel.accepted).toBe(1);
});

test("a subscription that is refused after a reconnection leaves the Sentinel to be asked", async () => {
  using servers = new Servers();
  const { sentinel, sentinels } = servers;
  const opened = open(sentinels);
  await using redis = opened.redis;
  await until("it is subscribed", () => sentinel.subscriptions === 1);
  // when its users are loaded anew, without the channel
  sentinel.refusal = REFUSAL;
  sentinel.drop();
  await until("it is refused", () => redis.sentinelsDenied() !== null);
  const { accepted } = sentinel;
  await until("it is refused again", () => sentinel.refusals > 1);
  expect(sentinel.accepted).toBe(accepted);
  sentinel.refusal = undefined;
  await until(
    "it is subscribed again",
    () => sentinel.subscriptions === 1 && redis.sentinelsDenied() === null,
  );
});

test("a Sentinel that accepts and closes at once gets no storm of connections", async () => {
  using servers = new Servers();
  const { sentinel, sentinels } = servers;
  sentinel.refusal = REFUSAL;
  sentinel.dropsAfterRefusal = true;
  await using redis = open(sentinels).redis;
  await Bun.sleep(2_000);
  expect(sentinel.accepted).toBeWithin(2, 10);
  sentinel.refusal = undefined;
  await until("it is subscribed", () => sentinel.subscriptions === 1 && redis.isUp);
});

test("a master that the Sentinels write in several forms is one master", async () => {
  using servers = new Servers();
  const { master, sentinel, sentinels } = servers;
  servers.forms = ["LOCALHOST", "127.0.0.1", "::ffff:127.0.0.1"];
  const opened = open(sentinels);
  await using redis = opened.redis;
  await until("it is subscribed", () => sentinel.subscriptions === 1 && redis.isUp);
  for (let round = 0; round < 3; round += 1) {
    const { asked } = servers;
    sentinel.publish("+switch-master", "checkout a 1 b 2");
    await until("it is asked", () => servers.asked > asked);
  }
  expect(redis.place).toBe(`127.0.0.1:${master.port}`);
  expect(master.accepted).toBe(1);
  expect(opened.logged).toHaveLength(1);
});
