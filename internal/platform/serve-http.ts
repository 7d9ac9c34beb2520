// An Elysia app as a server that a role can stop: it refuses new connections, lets running requests end, then closes.
// Called by every role with an HTTP interface of its own.
import type { Elysia } from "elysia";
import { AppError } from "../kernel/errors.ts";

/** Requests still running after this long are cut; the longest ones are status calls that a client may simply repeat. */
const DRAIN_MS = 5_000;
/** Bun closes silent connections after this; above the longest status call. */
const IDLE_TIMEOUT_SECONDS = 90;

export interface HttpServer extends AsyncDisposable {
  readonly port: number;
}

/** What this needs of an app; Elysia's own type changes with every route. */
type App = Pick<Elysia, "fetch"> & { readonly config: { readonly serve?: { maxRequestBodySize?: number } } };

/**
 * Listens at once; `port` 0 takes any free one. Throws SERVICE_UNAVAILABLE when the address cannot be had. Stopping lets
 * requests run for `drainMs` more.
 */
export function serveHttp(
  app: App,
  where: { readonly hostname: string; readonly port: number },
  drainMs = DRAIN_MS,
): HttpServer {
  const { maxRequestBodySize } = app.config.serve ?? {};
  const server = listen({
    ...where,
    idleTimeout: IDLE_TIMEOUT_SECONDS,
    // Bun would answer an error that got past the app with a page that shows the source.
    development: false,
    // Which for Bun also means to share the port with whoever has it: two roles on one port would answer in turns.
    reusePort: false,
    ...(maxRequestBodySize === undefined ? {} : { maxRequestBodySize }),
    fetch: (request: Request) => app.fetch(request),
  });
  return {
    port: server.port ?? 0,
    async [Symbol.asyncDispose]() {
      const cut = setTimeout(() => void server.stop(true), drainMs);
      await server.stop();
      clearTimeout(cut);
    },
  };
}

function listen(options: Bun.Serve.Options<undefined>): Bun.Server<undefined> {
  try {
    return Bun.serve(options);
  } catch (cause) {
    throw new AppError("SERVICE_UNAVAILABLE", "cannot listen: set HOST and PORT to a free address", {
      cause,
    });
  }
}
