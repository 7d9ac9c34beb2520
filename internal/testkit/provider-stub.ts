// A payment provider of a few lines of HTTP, for replies that the simulator does not make: each test says what it answers. Used by the tests
// of the adapters.

export interface StubReply {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
}

export class ProviderStub implements AsyncDisposable {
  /** By method and the last part of the path, such as `POST capture`; the rest gets `otherwise`. */
  replies: Readonly<Record<string, StubReply>> = {};
  otherwise: StubReply = { status: 404 };
  /** What it was asked since `reset`, in the form of `replies`; not for PayPal's access token, which everyone gets. */
  asked: string[] = [];
  /** How long the replies take, in the order of the requests; the last one is that of all that follow. */
  delaysMs: readonly number[] = [];
  readonly #server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: async (request) => {
      const { pathname } = new URL(request.url);
      if (pathname === "/v1/oauth2/token") return Response.json({ access_token: "t", expires_in: 60 });
      const what = `${request.method} ${pathname.split("/").at(-1)}`;
      const delayMs = this.delaysMs[this.asked.length] ?? this.delaysMs.at(-1) ?? 0;
      this.asked.push(what);
      const { status, body = {}, headers = {} } = this.replies[what] ?? this.otherwise;
      if (delayMs > 0) await Bun.sleep(delayMs);
      return Response.json(body, { status, headers });
    },
  });

  get url(): URL {
    return this.#server.url;
  }

  reset(): void {
    this.replies = {};
    this.asked = [];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.stop(true);
  }
}
