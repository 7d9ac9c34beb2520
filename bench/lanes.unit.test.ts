// The driver's HTTP client against a real server: answers belong to their requests, and a connection that the server gave up is no failure.
import { expect, test } from "bun:test";
import { createServer, type Socket } from "node:net";
import { once } from "node:events";
import { answerIn, Lanes } from "./lanes.ts";

test("each request has its own answer, however few connections there are", async () => {
  using server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: async (request) => {
      const text = await request.text();
      return new Response(`${request.headers.get("x-key")} ${text}`, { status: 202 });
    },
  });
  using lanes = new Lanes(server.url.origin, 3);
  const answers = await Promise.all(
    Array.from({ length: 50 }, (_, index) => lanes.post("/any", `x-key: k${index}\r\n`, `ü${index}`)),
  );
  expect(answers).toEqual(
    Array.from({ length: 50 }, (_, index) => ({ status: 202, text: `k${index} ü${index}` })),
  );
});

test("a connection that was closed between two requests is opened again; one closed instead of an answer is told", async () => {
  const sockets: Socket[] = [];
  let answers = 0;
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on("error", () => undefined);
    socket.on("data", () => {
      answers += 1;
      if (answers === 2) socket.destroy();
      else socket.write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  using lanes = new Lanes(`http://127.0.0.1:${address.port}`, 1);
  // Closed with the second request in hand, which then goes over a new connection.
  expect((await lanes.post("/", "", "a")).text).toBe("ok");
  expect((await lanes.post("/", "", "b")).text).toBe("ok");
  expect(sockets).toHaveLength(2);
  // On a new connection that is a failure.
  answers = 1;
  sockets[1]?.destroy();
  await once(sockets[1] ?? server, "close");
  const failed = lanes.post("/", "", "c").catch((error: Error) => error.message);
  expect(await failed).toBe("the connection was closed");
  server.close();
});

test("nobody there is an error", async () => {
  using lanes = new Lanes("http://127.0.0.1:1", 1);
  expect(await lanes.post("/", "", "x").catch(() => "refused")).toBe("refused");
});

test("answers arrive in pieces, and only with a length", () => {
  const whole = Buffer.from("HTTP/1.1 202 Accepted\r\nContent-Length: 3\r\n\r\nyes");
  for (let end = 0; end < whole.length; end++) expect(answerIn(whole.subarray(0, end))).toBe("incomplete");
  expect(answerIn(whole)).toEqual({ status: 202, text: "yes" });
  expect(answerIn(Buffer.from("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"))).toBeInstanceOf(
    Error,
  );
});
