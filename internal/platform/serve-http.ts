// An Elysia app as a server that a role can stop: it refuses new connections, lets running requests end, then closes.
// Called by every role with an HTTP interface of its own.
import type { Elysia } from "elysia";

/** Requests still running after this long are cut; the longest ones are status calls that a client may simply repeat. */
const DRAIN_MS = 5_000;
/** Bun closes silent connections after this; above the longest status call. */
const IDLE_TIMEOUT_SECONDS = 90;

export interface HttpServer extends AsyncDisposable {
  readonly port: number;
}

/** What this needs of an app; Elysia's own type changes with every route. */
type App = Pick<Elysia, "fetch"> & { readonly config: { readonly serve?: { maxRequestBodySize?: number } } };

/** Listens at once. `port` 0 takes any free one. */
export function serveHttp(app: App, where: { readonly hostname: string; readonly port: number }): HttpServer {
  const { maxRequestBodySize } = app.config.serve ?? {};
  const server = Bun.serve({
    ...where,
    idleTimeout: IDLE_TIMEOUT_SECONDS,
    ...(maxRequestBodySize === undefined ? {} : { maxRequestBodySize }),
    fetch: (request) => app.fetch(request),
  });
  return {
    port: server.port ?? 0,
    async [Symbol.asyncDispose]() {
      const cut = setTimeout(() => void server.stop(true), DRAIN_MS);
      await server.stop();
      clearTimeout(cut);
    },
  };
}
