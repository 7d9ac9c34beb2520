// What shoppers get through the balancer of a drill while gateways stop and start.
import { afterEach, expect, test } from "bun:test";
import { waitUntil } from "../wait.ts";
import { type Backend, Balancer } from "./balancer.ts";

const SOON = { timeoutMs: 5_000 };
const held: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of held.splice(0)) await end();
});

interface Gateway extends Backend {
  /** Resolves when a request for the slow path is there. */
  readonly arrived: Promise<void>;
  readonly release: () => void;
}

/** A gateway that is ready and answers with `status` and its name; a slow path answers when `release` is called. */
function gateway(name: string, status: number, isReady = true): Gateway {
  const slow = Promise.withResolvers<void>();
  const arrived = Promise.withResolvers<void>();
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    routes: { "/readyz": () => new Response(null, { status: isReady ? 200 : 503 }) },
    async fetch(request) {
      if (new URL(request.url).pathname === "/slow") {
        arrived.resolve();
        await slow.promise;
      }
      return new Response(`${name} ${await request.text()}`, { status, headers: { "x-from": name } });
    },
  });
  held.push(() => server.stop(true));
  const url = `http://127.0.0.1:${server.port}`;
  return { url, ops: url, arrived: arrived.promise, release: () => slow.resolve() };
}

async function balanced(...backends: readonly Backend[]): Promise<Balancer> {
  const balancer = new Balancer(backends);
  held.push(() => balancer[Symbol.asyncDispose]());
  return balancer;
}

/** Nothing listens there. */
const GONE: Backend = { url: "http://127.0.0.1:9", ops: "http://127.0.0.1:9" };

test("a request goes on to another gateway if one says 503 or does not answer, with its body", async () => {
  const balancer = await balanced(gateway("busy", 503), GONE, gateway("good", 202));
  for (let index = 0; index < 6; index++) {
    const answer = await fetch(`${balancer.url}/api?x=1`, { method: "POST", body: "cart" });
    expect([answer.status, answer.headers.get("x-from"), await answer.text()]).toEqual([
      202,
      "good",
      "good cart",
    ]);
  }
  expect(balancer.answers).toBe(6);
  expect(balancer.bad).toEqual([]);
});

test("those that are ready come first", async () => {
  const balancer = await balanced(gateway("away", 200, false), gateway("ready", 200));
  expect(balancer.isWhole).toBe(false);
  const asked = async () => (await fetch(balancer.url)).headers.get("x-from");
  await waitUntil(
    "the one that is ready is known",
    async () => (await asked()) === "ready" && (await asked()) === "ready",
    SOON,
  );
});

test("what no gateway can answer is counted, with its path", async () => {
  const balancer = await balanced(gateway("busy", 503), gateway("busier", 503));
  expect((await fetch(`${balancer.url}/status`)).status).toBe(503);
  const alone = await balanced(GONE);
  expect((await fetch(`${alone.url}/cart`)).status).toBe(502);
  expect(balancer.bad).toMatchObject([{ status: 503, path: "/status" }]);
  expect(alone.bad).toMatchObject([{ status: 0, path: "/cart" }]);
});

test("it knows when the requests of now are answered", async () => {
  const backend = gateway("good", 200);
  const balancer = await balanced(backend);
  const waiting = fetch(`${balancer.url}/slow`);
  await backend.arrived;
  let isAnswered = false;
  const answered = balancer.untilAnswered().then(() => (isAnswered = true));
  await (await fetch(balancer.url)).text();
  expect(isAnswered).toBe(false);
  backend.release();
  await answered;
  expect((await waiting).status).toBe(200);
});
