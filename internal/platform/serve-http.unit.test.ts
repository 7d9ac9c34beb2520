// Start and stop of a server: a port in use, running requests, idle and stuck connections.
import { expect, test } from "bun:test";
import { Elysia } from "elysia";
import { serveHttp } from "./serve-http.ts";

const HOSTNAME = "127.0.0.1";
/** Longer than any test may take. */
const NEVER_MS = 600_000;
const app = () =>
  new Elysia()
    .get("/", () => "ok")
    .get("/slow/:ms", async ({ params }) => {
      await Bun.sleep(Number(params.ms));
      return "done";
    });
const serve = () => serveHttp(app(), { hostname: HOSTNAME, port: 0 });

/** A server where a request for /held is answered when the test says so. `url` is its address. */
function serveHeld(drainMs: number) {
  const [arrived, released] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const holding = app().get("/held", async () => {
    arrived.resolve();
    await released.promise;
    return "done";
  });
  const server = serveHttp(holding, { hostname: HOSTNAME, port: 0 }, drainMs);
  const url = `http://${HOSTNAME}:${server.port}`;
  return { server, url, arrived: arrived.promise, release: released.resolve };
}

test("the error for a port in use names the settings", async () => {
  await using first = serve();
  expect(() => serveHttp(app(), { hostname: HOSTNAME, port: first.port })).toThrow("set HOST and PORT");
});

/** Sends the raw request and returns the answer. */
async function raw(port: number, request: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let answer = "";
  await Bun.connect({
    hostname: HOSTNAME,
    port,
    socket: {
      open: (socket) => void socket.write(`${request}\r\n\r\n`),
      data: (_, bytes) => void (answer += bytes.toString()),
      close: () => resolve(answer),
      error: (_, error) => reject(error),
    },
  });
  return promise;
}

test.each([
  ["a short name", "GET /slow/0 HTTP/1.1\r\nHost: gw"],
  ["a one-letter name with a port", "GET /slow/0?x=/y HTTP/1.1\r\nHost: g:80"],
  ["an address", "GET /slow/0 HTTP/1.1\r\nHost: [::1]"],
  ["a full URL", "GET http://gw/slow/0 HTTP/1.1\r\nHost: gw"],
  ["no host, as HTTP/1.0 allows", "GET /slow/0 HTTP/1.0"],
])("the path is found with %s", async (_, request) => {
  await using server = serveHttp(app(), { hostname: HOSTNAME, port: 0, names: "gw,g" });
  const answer = await raw(server.port, `${request}\r\nConnection: close`);
  expect(answer).toStartWith("HTTP/1.1 200");
  expect(answer).toEndWith("done");
});

test("an unknown host name gets a 421 that names the setting", async () => {
  await using server = serve();
  const answer = await raw(server.port, "GET / HTTP/1.1\r\nHost: elsewhere.example\r\nConnection: close");
  expect(answer).toStartWith("HTTP/1.1 421");
  expect(answer).toContain("SERVED_NAMES");
});

test("a stop waits for running requests, refuses new ones, and does not wait for idle connections", async () => {
  // If it waited for the idle connection, it would not end within the time of this test.
  const { server, url, arrived, release } = serveHeld(NEVER_MS);
  await fetch(url).then((response) => response.text());
  const running = fetch(`${url}/held`).then((response) => response.text());
  await arrived;
  let isStopped = false;
  const stopped = server[Symbol.asyncDispose]().then(() => (isStopped = true));
  const refused = await fetch(url).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(Error);
  expect(isStopped).toBe(false);
  release();
  await stopped;
  expect(await running).toBe("done");
});

test("a request that does not end is cut off", async () => {
  const { server, url, arrived } = serveHeld(100);
  const endless = fetch(`${url}/held`).catch((error: unknown) => error);
  await arrived;
  await server[Symbol.asyncDispose]();
  expect(await endless).toBeInstanceOf(Error);
});
