// The load balancer of the drill, one in front of each role that is called over HTTP: an operator has one in front of the gateways. It gives
// each request to the next backend in service, leaves out one that is not ready or that the operator has taken out, and remembers what went wrong. It never repeats
// a request, so what a caller did not get is seen.
import { forward } from "../forward.ts";

/** Longer than the longest status call of the shoppers. */
const TAKE_OUT_MS = 15_000;
/** How often it checks whether a backend is ready, as balancers do. */
export const CHECK_MS = 1_000;
/** Bun's limit for an idle connection; a status call is silent while it waits. */
const IDLE_TIMEOUT_SECONDS = 120;

export interface Fault {
  /** Epoch ms. */
  readonly at: number;
  readonly text: string;
}

interface Backend {
  readonly url: string;
  isOut: boolean;
  inFlight: number;
  requests: number;
}

export class Balancer implements AsyncDisposable {
  readonly name: string;
  /** Answers of 5xx, and requests without an answer. */
  readonly faults: Fault[] = [];
  readonly #backends: readonly Backend[];
  readonly #server: Bun.Server<undefined>;
  #next = 0;

  /** `name` is the role; `backends` are the URLs of its processes, in the order of their slots. All are out of service at first. */
  constructor(name: string, backends: readonly string[], port: number) {
    this.name = name;
    this.#backends = backends.map((url) => ({ url, isOut: true, inFlight: 0, requests: 0 }));
    this.#server = Bun.serve({
      hostname: "127.0.0.1",
      port,
      idleTimeout: IDLE_TIMEOUT_SECONDS,
      development: false,
      fetch: (request) => this.#serve(request),
    });
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server.port}`;
  }

  /** How many requests the process of this slot (from 1) was given. */
  requestsOf(slot: number): number {
    return this.#at(slot).requests;
  }

  putIn(slot: number): void {
    this.#at(slot).isOut = false;
  }

  /** Gives the process of this slot no more requests. Resolves when it has answered all, or after TAKE_OUT_MS. */
  async takeOut(slot: number): Promise<void> {
    const backend = this.#at(slot);
    backend.isOut = true;
    const giveUpAt = Date.now() + TAKE_OUT_MS;
    while (backend.inFlight > 0 && Date.now() < giveUpAt) await Bun.sleep(10);
  }

  /** Gives the process of this slot no more requests from the first check on that finds it not ready. */
  async leaveOut(slot: number, isReady: () => Promise<boolean>): Promise<void> {
    do await Bun.sleep(CHECK_MS);
    while (await isReady());
    this.#at(slot).isOut = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.stop(true);
  }

  #at(slot: number): Backend {
    const backend = this.#backends[slot - 1];
    if (backend === undefined) throw new Error(`${this.name} has no slot ${slot}`);
    return backend;
  }

  async #serve(request: Request): Promise<Response> {
    const inService = this.#backends.filter(({ isOut }) => !isOut);
    const backend = inService[this.#next++ % inService.length];
    if (backend === undefined) return this.#failed(request, 503, "nothing is in service");
    backend.inFlight += 1;
    backend.requests += 1;
    try {
      const answer = await forward(request, backend.url, await request.arrayBuffer(), request.signal);
      if (answer.status >= 500) this.#note(request, `${answer.status} ${await answer.clone().text()}`);
      return answer;
    } catch (error) {
      if (request.signal.aborted) return new Response(null, { status: 499 });
      return this.#failed(request, 502, error instanceof Error ? error.message : String(error));
    } finally {
      backend.inFlight -= 1;
    }
  }

  #failed(request: Request, status: number, text: string): Response {
    this.#note(request, `${status} ${text}`);
    return Response.json({ title: text, status }, { status });
  }

  #note({ method, url }: Request, text: string): void {
    this.faults.push({ at: Date.now(), text: `${this.name}: ${method} ${new URL(url).pathname}: ${text}` });
  }
}
