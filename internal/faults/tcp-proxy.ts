// A TCP proxy between a client and a real server that makes network faults repeatable without changing either: latency, resets,
// black holes, connections cut in the middle of a message. Counts round trips. Used by the chaos runs and by tests.
import { connect, createServer, type Socket } from "node:net";

export interface Address {
  readonly host: string;
  readonly port: number;
}

export class TcpProxy implements AsyncDisposable {
  /** How often the client sent something after it had got something: a pipelined group of any size counts once. */
  roundTrips = 0;
  /** Milliseconds each way, for bytes that arrive from now on. `roundTrips` is only correct above 0. */
  latencyMs: number;
  readonly port: number;
  readonly #server: ReturnType<typeof createServer>;
  readonly #target: () => Address;
  readonly #directions = new Set<Direction>();
  #isStalled = false;
  /** Bytes that still pass, both ways together; infinite when no cut is due. */
  #bytesUntilCut = Number.POSITIVE_INFINITY;
  #ending: "cut" | "reset" = "cut";

  /** `target` may be a function that is called for each connection: for a server that is not there yet, or has moved. */
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

  /** Breaks every connection like a network does, without a goodbye. */
  cut(): void {
    for (const { from } of this.#directions) from.destroy();
  }

  /** Resets every connection: bytes in transit are lost, and both sides see the reset. */
  reset(): void {
    for (const { from } of this.#directions) from.resetAndDestroy();
  }

  /** Lets this many more bytes pass, then breaks every connection, in the middle of a message: `cut` or `reset`, see there. */
  cutAfter(bytes: number, ending: "cut" | "reset" = "cut"): void {
    this.#bytesUntilCut = bytes;
    this.#ending = ending;
  }

  /** From now on nothing passes, on connections that look alive: a paused process, a hung network. */
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
    let clientHeardLast = true;
    const relay = (from: Socket, to: Socket, onData: () => void, onDelivery: () => void) => {
      const direction = new Direction(from, () => this.#isStalled);
      this.#directions.add(direction);
      from.setNoDelay(true);
      from.on("data", (bytes: Buffer) => {
        onData();
        direction.push(this.latencyMs, () => {
          this.#deliver(bytes, to);
          onDelivery();
        });
      });
      from.on("error", () => undefined);
      // The end of a connection travels behind its last bytes.
      from.on("close", () => direction.push(this.latencyMs, () => this.#end(direction, to)));
    };
    const count = () => {
      if (clientHeardLast) this.roundTrips += 1;
      clientHeardLast = false;
    };
    // An answer that is still on its way is no reason for what the client sends meanwhile.
    relay(client, server, count, ignore);
    relay(server, client, ignore, () => (clientHeardLast = true));
  }

  #deliver(bytes: Buffer, to: Socket): void {
    if (to.destroyed) return;
    to.write(bytes.subarray(0, Math.min(bytes.length, this.#bytesUntilCut)));
    this.#bytesUntilCut -= bytes.length;
    if (this.#bytesUntilCut > 0) return;
    this.#bytesUntilCut = Number.POSITIVE_INFINITY;
    // The written bytes have to get out first, or the cut would fall between two messages.
    setImmediate(() => this[this.#ending]());
  }

  #end(direction: Direction, to: Socket): void {
    this.#directions.delete(direction);
    if (to.writable) to.end(() => to.destroy());
    else to.destroy();
  }
}

function ignore(): void {}

/** One direction of a connection. It delivers in order, even when the latency changes, because TCP promises that. */
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
