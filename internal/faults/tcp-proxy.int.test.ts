// The network faults of the chaos runs do what their names say.
import { afterEach, expect, test } from "bun:test";
import { connect, createServer, type Socket } from "node:net";
import { once } from "node:events";
import { TcpProxy } from "./tcp-proxy.ts";

const held: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const release of held.splice(0).toReversed()) await release();
});

/** An echo server, and a client that is connected to it through a proxy. */
async function echoed(latencyMs = 0) {
  const onAsked = Promise.withResolvers<void>();
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    // Before it is answered.
    socket.once("data", () => onAsked.resolve());
    socket.pipe(socket);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  held.push(() => void server.close());
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  const proxy = await TcpProxy.start({ host: "127.0.0.1", port: address.port }, latencyMs);
  held.push(() => proxy[Symbol.asyncDispose]());
  const client = connect(proxy.port, "127.0.0.1");
  await once(client, "connect");
  held.push(() => void client.destroy());
  return { proxy, client, heard: new Heard(client), asked: onAsked.promise };
}

class Heard {
  text = "";
  error: unknown;
  readonly closed: Promise<unknown>;
  readonly #socket: Socket;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (bytes) => (this.text += bytes.toString()));
    socket.on("error", (error) => (this.error = error));
    this.closed = new Promise((resolve) => socket.on("close", resolve));
  }

  async until(text: string): Promise<void> {
    while (this.text !== text) await once(this.#socket, "data");
  }
}

test("bytes keep their order when the latency drops in transit", async () => {
  // given
  const { proxy, client, heard } = await echoed(100);
  // when
  client.write("slow ");
  while (proxy.roundTrips === 0) await Bun.sleep(1);
  proxy.latencyMs = 0;
  client.write("fast");
  // then
  await heard.until("slow fast");
});

test("a stalled connection stays open and delivers nothing; after a resume it delivers everything", async () => {
  // given
  const { proxy, client, heard } = await echoed();
  client.write("before ");
  await heard.until("before ");
  // when
  proxy.stall();
  client.write("meanwhile ");
  const direct = await echoed();
  direct.client.write("time passes");
  await direct.heard.until("time passes");
  // then
  expect(heard.text).toBe("before ");
  proxy.resume();
  await heard.until("before meanwhile ");
});

test("a round trip is over when the client has its answer, not when the server has sent it", async () => {
  // given an answer that is on its way
  const { proxy, client, asked } = await echoed(100);
  client.write("first half ");
  while (proxy.roundTrips === 0) await Bun.sleep(1);
  proxy.latencyMs = 60_000;
  await asked;
  const direct = await echoed();
  direct.client.write("time passes");
  await direct.heard.until("time passes");
  // when
  client.write("second half");
  direct.client.write(", and more");
  await direct.heard.until("time passes, and more");
  // then
  expect([proxy.roundTrips, direct.proxy.roundTrips]).toEqual([1, 2]);
});

test("a cut after a number of bytes lets exactly those pass", async () => {
  const { proxy, client, heard } = await echoed();
  // Six bytes to the server leave four on the way back.
  proxy.cutAfter(10);
  client.write("sixsix");
  await heard.closed;
  expect(heard.text).toBe("sixs");
});

test("the client sees a reset as ECONNRESET", async () => {
  const { proxy, client, heard } = await echoed();
  client.write("x");
  await heard.until("x");
  proxy.reset();
  await heard.closed;
  expect(heard.error).toMatchObject({ code: "ECONNRESET" });
});
