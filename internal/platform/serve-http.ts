// An Elysia app as a server that a role can stop: it refuses new connections, lets running requests end, then closes. It is
// served under the names it has been given and routed by the path alone. Called by every role with an HTTP interface of its own.
import type { Elysia } from "elysia";
import { hostNames } from "./host-names.ts";
import type { RoleContext } from "./lifecycle.ts";
import { listenFault } from "./listen-fault.ts";

/** Requests still running after this long are cut; the longest ones are status calls that a client may simply repeat. */
const DRAIN_MS = 5_000;
/**
 * In place of the host that a request names. Elysia looks for the path from the twelfth character of the URL on (1.4.30), and
 * so finds another one than was sent where the host is as short as `gw`, which is a valid name.
 */
const ORIGIN = "http://service.internal";
const SCHEME_LENGTH = "http://".length;

/** Bun closes silent connections after this; above the longest status call. */
const IDLE_TIMEOUT_SECONDS = 90;

/** `httpConfig` declares them. */
export interface HttpSettings {
  readonly HOST: string;
  readonly PORT: number;
  readonly SERVED_NAMES: string;
}

export interface HttpServer extends AsyncDisposable {
  readonly port: number;
}

/** What this needs of an app; Elysia's own type changes with every route. */
type App = Pick<Elysia, "fetch"> & { readonly config: { readonly serve?: { maxRequestBodySize?: number } } };

export interface HttpAddress {
  readonly hostname: string;
  /** 0 takes any free one. */
  readonly port: number;
  /** SERVED_NAMES: what it is reached under beside addresses, `localhost` and the machine's own name. */
  readonly names?: string;
}

/**
 * Listens at once. Throws CONFIG_INVALID when the port is taken, and SERVICE_UNAVAILABLE when there is no such address. A request for a name that is not served is
 * answered with 421. Stopping lets requests run for `drainMs` more.
 */
export function serveHttp(
  app: App,
  { hostname, port, names = "" }: HttpAddress,
  drainMs = DRAIN_MS,
): HttpServer {
  const { maxRequestBodySize } = app.config.serve ?? {};
  const checkHost = hostNames(names, hostname);
  const server = listen({
    hostname,
    port,
    idleTimeout: IDLE_TIMEOUT_SECONDS,
    // Bun would answer an error that got past the app with a page that shows the source.
    development: false,
    // Which for Bun also means to share the port with whoever has it: two roles on one port would answer in turns.
    reusePort: false,
    ...(maxRequestBodySize === undefined ? {} : { maxRequestBodySize }),
    fetch(request: Request) {
      const result = checkHost(request.headers.get("host"));
      return result === "served" ? app.fetch(byPathAlone(request)) : refused(result);
    },
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

/** Serves `app` at the address in the role's settings until the role stops. */
export function startHttp(context: RoleContext<HttpSettings>, name: string, app: App): HttpServer {
  const { config, log, resources } = context;
  const server = resources.use(
    name,
    serveHttp(app, { hostname: config.HOST, port: config.PORT, names: config.SERVED_NAMES }),
  );
  log.info({ port: server.port }, "listening");
  return server;
}

/** The same request, whose URL is the path and the query that were sent. A copy would cost 50 us, because of its body. */
function byPathAlone(request: Request): Request {
  const { url } = request;
  // Without a Host header Bun's URL is the path by itself.
  const path = url.startsWith("/") ? url : url.slice(url.indexOf("/", SCHEME_LENGTH));
  return Object.defineProperty(request, "url", { value: ORIGIN + path });
}

const REFUSALS = {
  malformed: { title: "Bad Request", status: 400, detail: "the Host header is no name and no address" },
  unknown: {
    title: "Misdirected Request",
    status: 421,
    detail: "nothing is served under the name in the Host header; SERVED_NAMES says what is",
  },
};

function refused(result: keyof typeof REFUSALS): Response {
  const problem = { type: "about:blank", ...REFUSALS[result] };
  const headers = { "content-type": "application/problem+json" };
  return new Response(JSON.stringify(problem), { status: problem.status, headers });
}

function listen(options: Bun.Serve.Options<undefined> & Pick<HttpAddress, "hostname" | "port">) {
  try {
    return Bun.serve(options);
  } catch (cause) {
    throw listenFault(cause, options, "HOST and PORT");
  }
}
