// A TCP proxy between a client under test and a real server: counts round trips, adds latency, cuts and stalls connections.
// It makes network trouble repeatable without touching the server. Called by `.int` tests.
import { createServer, connect, type Socket } from "node:net";

export class TcpProxy implements AsyncDisposable {
  /** Times the client spoke after the server had: a pipelined group of any size is one. */
  roundTrips = 0;
  readonly port: number;
  readonly #server: ReturnType<typeof createServer>;
  readonly #sockets = new Set<Socket>();
  #isStalled = false;
  /** What arrived while stalled, in order. */
  readonly #held: (() => void)[] = [];

  /** `latencyMs` each way; it must be above 0 for `roundTrips` to mean something, because it keeps a group together. */
  static async start(
    target: { readonly host: string; readonly port: number },
    latencyMs: number,
  ): Promise<TcpProxy> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return new TcpProxy(server, target, latencyMs);
  }

  private constructor(
    server: ReturnType<typeof createServer>,
    target: { readonly host: string; readonly port: number },
    latencyMs: number,
  ) {
    this.#server = server;
    const address = server.address();
    if (address === null || typeof address === "string")
      throw new Error("the proxy is not listening on a port");
    this.port = address.port;
    server.on("connection", (client) => this.#join(client, connect(target.port, target.host), latencyMs));
  }

  /** Breaks every connection, as a network does: no goodbye. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** From now on nothing gets through, on connections that look alive: a paused process, a hung network. */
  stall(): void {
    this.#isStalled = true;
  }

  /** Delivers what was held back, in order, as TCP does. */
  resume(): void {
    this.#isStalled = false;
    for (const deliver of this.#held.splice(0)) deliver();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #join(client: Socket, server: Socket, latencyMs: number): void {
    let serverSpokeLast = true;
    const relay = (from: Socket, to: Socket, onData: () => void) => {
      this.#sockets.add(from);
      from.on("data", (bytes) => {
        onData();
        const deliver = () => {
          if (!to.destroyed) to.write(bytes);
        };
        setTimeout(() => (this.#isStalled ? this.#held.push(deliver) : deliver()), latencyMs);
      });
      from.on("error", () => undefined);
      from.on("close", () => {
        this.#sockets.delete(from);
        to.destroy();
      });
    };
    relay(client, server, () => {
      if (serverSpokeLast) this.roundTrips += 1;
      serverSpokeLast = false;
    });
    relay(server, client, () => {
      serverSpokeLast = true;
    });
  }
}
