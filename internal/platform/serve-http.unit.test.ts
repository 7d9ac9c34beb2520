// How a server begins and ends: on a port that is taken, with requests under way, with connections that are idle or stuck.
import { expect, test } from "bun:test";
import { Elysia } from "elysia";
import { serveHttp } from "./serve-http.ts";

const HOSTNAME = "127.0.0.1";
const app = () =>
  new Elysia()
    .get("/", () => "ok")
    .get("/slow/:ms", async ({ params }) => {
      await Bun.sleep(Number(params.ms));
      return "done";
    });
const serve = (drainMs?: number) => serveHttp(app(), { hostname: HOSTNAME, port: 0 }, drainMs);

test("a port that is taken is said in words", async () => {
  await using first = serve();
  expect(() => serveHttp(app(), { hostname: HOSTNAME, port: first.port })).toThrow("set HOST and PORT");
});

/** What is answered to a request that is sent as it stands. */
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
  ["a name of one letter, and a port", "GET /slow/0?x=/y HTTP/1.1\r\nHost: g:80"],
  ["an address", "GET /slow/0 HTTP/1.1\r\nHost: [::1]"],
  ["the whole URL", "GET http://gw/slow/0 HTTP/1.1\r\nHost: gw"],
  ["no name, as HTTP/1.0 may", "GET /slow/0 HTTP/1.0"],
])("a path is found behind %s", async (_, request) => {
  await using server = serveHttp(app(), { hostname: HOSTNAME, port: 0, names: "gw,g" });
  const answer = await raw(server.port, `${request}\r\nConnection: close`);
  expect(answer).toStartWith("HTTP/1.1 200");
  expect(answer).toEndWith("done");
});

test("a name that is not served is told so, with the setting's name", async () => {
  await using server = serve();
  const answer = await raw(server.port, "GET / HTTP/1.1\r\nHost: elsewhere.example\r\nConnection: close");
  expect(answer).toStartWith("HTTP/1.1 421");
  expect(answer).toContain("SERVED_NAMES");
});

test("stopping waits for requests under way, takes no new ones, and does not wait for idle connections", async () => {
  const server = serve();
  const url = `http://${HOSTNAME}:${server.port}`;
  await fetch(url).then((response) => response.text());
  const slow = fetch(`${url}/slow/200`).then((response) => response.text());
  await Bun.sleep(50);
  const stopped = server[Symbol.asyncDispose]();
  await Bun.sleep(20);
  const refused = await fetch(url).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(Error);
  const begun = performance.now();
  await stopped;
  expect(await slow).toBe("done");
  expect(performance.now() - begun).toBeLessThan(1_000);
});

test("a request that does not end is cut in the end", async () => {
  const server = serve(100);
  const endless = fetch(`http://${HOSTNAME}:${server.port}/slow/30000`).catch((error: unknown) => error);
  await Bun.sleep(50);
  const begun = performance.now();
  await server[Symbol.asyncDispose]();
  // Far from the thirty seconds that its answer takes.
  expect(performance.now() - begun).toBeLessThan(15_000);
  expect(await endless).toBeInstanceOf(Error);
});
