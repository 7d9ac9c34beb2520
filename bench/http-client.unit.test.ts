// The driver's HTTP client against a real server: answers match their requests, and a closed idle connection is not a failure.
import { expect, test } from "bun:test";
import { createServer, type Socket } from "node:net";
import { once } from "node:events";
import { answerIn, HttpClient } from "./http-client.ts";

test("each request gets its own answer, even over few connections", async () => {
  using server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: async (request) => {
      const text = await request.text();
      return new Response(`${request.headers.get("x-key")} ${text}`, { status: 202 });
    },
  });
  using client = new HttpClient(server.url.origin, 3);
  const answers = await Promise.all(
    Array.from({ length: 50 }, (_, index) => client.post("/any", `x-key: k${index}\r\n`, `ü${index}`)),
  );
  expect(answers).toEqual(
    Array.from({ length: 50 }, (_, index) => ({ status: 202, text: `k${index} ü${index}` })),
  );
});

test("a connection closed between two requests is reopened; one closed instead of an answer is an error", async () => {
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
  using client = new HttpClient(`http://127.0.0.1:${address.port}`, 1);
  // Closed at the second request, which is then sent over a new connection.
  expect((await client.post("/", "", "a")).text).toBe("ok");
  expect((await client.post("/", "", "b")).text).toBe("ok");
  expect(sockets).toHaveLength(2);
  // On a new connection a close is a failure.
  answers = 1;
  sockets[1]?.destroy();
  await once(sockets[1] ?? server, "close");
  const failed = client.post("/", "", "c").catch((error: Error) => error.message);
  expect(await failed).toBe("the connection was closed");
  server.close();
});

test("a refused connection is an error", async () => {
  using client = new HttpClient("http://127.0.0.1:1", 1);
  expect(await client.post("/", "", "x").catch(() => "refused")).toBe("refused");
});

test("answers may arrive in pieces and must have a content-length", () => {
  const whole = Buffer.from("HTTP/1.1 202 Accepted\r\nContent-Length: 3\r\n\r\nyes");
  for (let end = 0; end < whole.length; end++) expect(answerIn(whole.subarray(0, end))).toBe("incomplete");
  expect(answerIn(whole)).toEqual({ status: 202, text: "yes" });
  expect(answerIn(Buffer.from("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"))).toBeInstanceOf(
    Error,
  );
});
