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
  expect(performance.now() - begun).toBeLessThan(1_000);
  expect(await endless).toBeInstanceOf(Error);
});
