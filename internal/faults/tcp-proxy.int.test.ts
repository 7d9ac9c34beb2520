// The network trouble that the chaos runs make is what they say it is.
import { afterEach, expect, test } from "bun:test";
import { connect, createServer, type Socket } from "node:net";
import { once } from "node:events";
import { TcpProxy } from "./tcp-proxy.ts";

const held: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const release of held.splice(0).toReversed()) await release();
});

/** A server that says everything back, and a client that is connected to it through a proxy. */
async function echoed(latencyMs = 0) {
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
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
  return { proxy, client, heard: new Heard(client) };
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

test("bytes keep their order when the latency falls while they are on their way", async () => {
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

test("a stalled connection delivers nothing and stays open; resumed, it delivers all of it", async () => {
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

test("a cut after so many bytes lets exactly those through", async () => {
  const { proxy, client, heard } = await echoed();
  // Six on the way there leave four on the way back.
  proxy.cutAfter(10);
  client.write("sixsix");
  await heard.closed;
  expect(heard.text).toBe("sixs");
});

test("a reset is told to the client as one", async () => {
  const { proxy, client, heard } = await echoed();
  client.write("x");
  await heard.until("x");
  proxy.reset();
  await heard.closed;
  expect(heard.error).toMatchObject({ code: "ECONNRESET" });
});
