// The load balancer in front of the gateways of a drill, and what shoppers got through it. As one in production it asks /readyz, and asks another
// gateway if one does not answer or says 503. Used by arena.ts.
import { forward } from "../forward.ts";

const ASK_EVERY_MS = 200;
const ASK_TIMEOUT_MS = 1_000;
/** Longer than the longest status call. */
const IDLE_SECONDS = 60;

/** An answer that no shopper should get. */
export interface BadAnswer {
  /** Epoch ms. */
  readonly at: number;
  /** 0: no gateway answered. */
  readonly status: number;
  readonly path: string;
}

export interface Backend {
  /** For requests. */
  readonly url: string;
  /** Where /readyz is. */
  readonly ops: string;
}

export class Balancer implements AsyncDisposable {
  readonly url: string;
  readonly bad: BadAnswer[] = [];
  /** Answers so far. */
  answers = 0;
  readonly #backends: readonly Backend[];
  readonly #ready = new Set<Backend>();
  readonly #open = new Set<Promise<Response>>();
  readonly #server: Bun.Server<undefined>;
  readonly #asking: ReturnType<typeof setInterval>;
  #next = 0;

  constructor(backends: readonly Backend[]) {
    this.#backends = backends;
    this.#server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      idleTimeout: IDLE_SECONDS,
      fetch: (request) => this.#noted(this.#answer(request)),
    });
    this.url = `http://127.0.0.1:${this.#server.port}`;
    this.#asking = setInterval(() => this.#backends.forEach((one) => void this.#ask(one)), ASK_EVERY_MS);
  }

  /** Every gateway was ready at the last look. */
  get isWhole(): boolean {
    return this.#ready.size === this.#backends.length;
  }

  /** Resolves when all requests of now are answered. A status call waits until its checkout ends. */
  async untilAnswered(): Promise<void> {
    await Promise.all(this.#open);
  }

  #noted(answer: Promise<Response>): Promise<Response> {
    this.#open.add(answer);
    return answer.finally(() => this.#open.delete(answer));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#asking);
    await this.#server.stop(true);
  }

  async #ask(backend: Backend): Promise<void> {
    const signal = AbortSignal.timeout(ASK_TIMEOUT_MS);
    const answer = await fetch(`${backend.ops}/readyz`, { signal }).catch(() => null);
    await answer?.arrayBuffer().catch(() => undefined);
    if (answer?.ok === true) this.#ready.add(backend);
    else this.#ready.delete(backend);
  }

  async #answer(request: Request): Promise<Response> {
    const body = await request.arrayBuffer();
    let last: Response | null = null;
    for (const { url } of this.#order()) {
      const answer = await forward(request, url, body).catch(() => null);
      last = answer ?? new Response("no gateway answers", { status: 502 });
      if (answer !== null && answer.status !== 503) break;
    }
    this.answers += 1;
    const answer = last ?? new Response("there is no gateway", { status: 502 });
    if (answer.status >= 500)
      this.bad.push({
        at: Date.now(),
        status: answer.status === 502 ? 0 : answer.status,
        path: new URL(request.url).pathname,
      });
    return answer;
  }

  /** In turn; those that are ready first. */
  #order(): readonly Backend[] {
    const first = this.#next++ % this.#backends.length;
    const turned = [...this.#backends.slice(first), ...this.#backends.slice(0, first)];
    return turned.toSorted((a, b) => Number(this.#ready.has(b)) - Number(this.#ready.has(a)));
  }
}
