// A TCP proxy between a client and a real server that makes network trouble repeatable without touching either: latency, resets,
// black holes, connections cut in the middle of a message. Counts round trips. Used by the chaos runs and by tests.
import { connect, createServer, type Socket } from "node:net";

export interface Address {
  readonly host: string;
  readonly port: number;
}

export class TcpProxy implements AsyncDisposable {
  /** Times the client spoke after the server had: a pipelined group of any size is one. */
  roundTrips = 0;
  /** Milliseconds each way, for bytes that arrive from now on; above 0 for `roundTrips` to mean something. */
  latencyMs: number;
  readonly port: number;
  readonly #server: ReturnType<typeof createServer>;
  readonly #target: () => Address;
  readonly #directions = new Set<Direction>();
  #isStalled = false;
  /** Bytes that still get through, both ways together; infinite where no cut is due. */
  #bytesUntilCut = Number.POSITIVE_INFINITY;

  /** `target` may be asked for at each connection: a server that is not there yet, or has moved. */
  static async start(target: Address | (() => Address), latencyMs = 0): Promise<TcpProxy> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return new TcpProxy(server, typeof target === "function" ? target : () => target, latencyMs);
  }

  private constructor(server: ReturnType<typeof createServer>, target: () => Address, latencyMs: number) {
    this.#server = server;
    this.#target = target;
    this.latencyMs = latencyMs;
    const address = server.address();
    if (address === null || typeof address === "string")
      throw new Error("the proxy is not listening on a port");
    this.port = address.port;
    server.on("connection", (client) => this.#join(client));
  }

  /** Breaks every connection, as a network does: no goodbye. */
  cut(): void {
    for (const { from } of this.#directions) from.destroy();
  }

  /** Breaks every connection by a reset: what was on its way is lost, and both sides are told so. */
  reset(): void {
    for (const { from } of this.#directions) from.resetAndDestroy();
  }

  /** Lets so many more bytes through, then breaks every connection: in the middle of whatever is being said. */
  cutAfter(bytes: number): void {
    this.#bytesUntilCut = bytes;
  }

  /** From now on nothing gets through, on connections that look alive: a paused process, a hung network. */
  stall(): void {
    this.#isStalled = true;
  }

  /** Delivers what was held back, in order, as TCP does. */
  resume(): void {
    this.#isStalled = false;
    for (const direction of this.#directions) direction.pump();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #join(client: Socket): void {
    const { host, port } = this.#target();
    const server = connect(port, host);
    let serverSpokeLast = true;
    const relay = (from: Socket, to: Socket, onData: () => void) => {
      const direction = new Direction(from, () => this.#isStalled);
      this.#directions.add(direction);
      from.setNoDelay(true);
      from.on("data", (bytes: Buffer) => {
        onData();
        direction.push(this.latencyMs, () => this.#deliver(bytes, to));
      });
      from.on("error", () => undefined);
      // The end of a connection travels behind what was said on it.
      from.on("close", () => direction.push(this.latencyMs, () => this.#end(direction, to)));
    };
    relay(client, server, () => {
      if (serverSpokeLast) this.roundTrips += 1;
      serverSpokeLast = false;
    });
    relay(server, client, () => {
      serverSpokeLast = true;
    });
  }

  #deliver(bytes: Buffer, to: Socket): void {
    if (to.destroyed) return;
    to.write(bytes.subarray(0, Math.min(bytes.length, this.#bytesUntilCut)));
    this.#bytesUntilCut -= bytes.length;
    if (this.#bytesUntilCut > 0) return;
    this.#bytesUntilCut = Number.POSITIVE_INFINITY;
    // What was written has to get out first, or the cut would fall between two messages again.
    setImmediate(() => this.cut());
  }

  #end(direction: Direction, to: Socket): void {
    this.#directions.delete(direction);
    if (to.writable) to.end(() => to.destroy());
    else to.destroy();
  }
}

/** One way of a connection: delivers in order whatever the latency does meanwhile, because that is what TCP promises. */
class Direction {
  readonly from: Socket;
  readonly #isStalled: () => boolean;
  readonly #queue: { readonly due: number; readonly deliver: () => void }[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(from: Socket, isStalled: () => boolean) {
    this.from = from;
    this.#isStalled = isStalled;
  }

  push(latencyMs: number, deliver: () => void): void {
    this.#queue.push({ due: performance.now() + latencyMs, deliver });
    this.pump();
  }

  pump(): void {
    clearTimeout(this.#timer);
    while (!this.#isStalled()) {
      const [next] = this.#queue;
      if (next === undefined) return;
      const left = next.due - performance.now();
      if (left > 0) {
        this.#timer = setTimeout(() => this.pump(), left);
        return;
      }
      this.#queue.shift();
      next.deliver();
    }
  }
}
