// Serves an Elysia app so that a role can stop it: it refuses new connections, lets running requests end, then closes. Requests are
// accepted only for known host names and routed by path alone. Called by every role with an HTTP API.
import type { Elysia } from "elysia";
import { type Exposure, warnIfExposed } from "./exposure.ts";
import { hostNames } from "./host-names.ts";
import type { RoleContext } from "./lifecycle.ts";
import { listenFault } from "./listen-fault.ts";

/** Requests that still run after this are cut off. The longest are status calls, which a client can repeat. */
const DRAIN_MS = 5_000;
/**
 * Replaces the host of a request's URL. Elysia (1.4.30) searches for the path from the twelfth character of the URL, and so finds
 * the wrong path if the host is as short as `gw`, which is a valid name.
 */
const ORIGIN = "http://service.internal";
const SCHEME_LENGTH = "http://".length;

/**
 * A request whose body is not complete by then is cut off, however steadily it comes. Headers Bun itself gives 12 s. Our largest body, a
 * catalogue of 1 MB, takes seconds on a slow line.
 */
const BODY_TIMEOUT_SECONDS = 10;
/** Bun closes idle connections after this. Longer than the longest status call. */
const IDLE_TIMEOUT_SECONDS = 90;

/** Declared by `httpConfig`. */
export interface HttpSettings {
  readonly HOST: string;
  readonly PORT: number;
  readonly SERVED_NAMES: string;
  /** Above 0: a proxy is in front, which has the certificate. */
  readonly TRUSTED_PROXIES?: number;
}

export interface HttpServer extends AsyncDisposable {
  readonly port: number;
}

/** The used parts of an app; Elysia's own type changes with every route. */
type App = Pick<Elysia, "fetch"> & { readonly config: { readonly serve?: { maxRequestBodySize?: number } } };

export interface HttpAddress {
  readonly hostname: string;
  /** 0 picks a free port. */
  readonly port: number;
  /** SERVED_NAMES: accepted names besides addresses, `localhost` and the machine's own name. */
  readonly names?: string;
}

/**
 * Listens at once. Throws CONFIG_INVALID if the port is in use, SERVICE_UNAVAILABLE if the address does not exist. A request for an
 * unknown host name gets 421. After a stop, running requests have `drainMs` to end.
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
    // By default Bun answers an error outside the app with a page that shows source code.
    development: false,
    // With Bun's `reusePort` two roles could share one port and answer in turns.
    reusePort: false,
    ...(maxRequestBodySize === undefined ? {} : { maxRequestBodySize }),
    fetch(request: Request, listener: Bun.Server<undefined>) {
      listeners.set(request, listener);
      const result = checkHost(request.headers.get("host"));
      if (result !== "served") return refused(result);
      return hasBody(request)
        ? inTime(request, listener, () => app.fetch(byPathAlone(request)))
        : app.fetch(byPathAlone(request));
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

function hasBody({ headers }: Request): boolean {
  return (headers.get("content-length") ?? "0") !== "0" || headers.has("transfer-encoding");
}

/**
 * Bun counts the time of the body only: work on a complete one may take as long as it takes
 * (findings/bun-serve-counts-a-body-as-idle-while-it-comes.sh, which fails when that changes). The connection then stays open for the
 * next request; not so after an answer to a body that nobody read, which may still be coming.
 */
async function inTime(
  request: Request,
  listener: Bun.Server<undefined>,
  work: () => Response | Promise<Response>,
): Promise<Response> {
  listener.timeout(request, BODY_TIMEOUT_SECONDS);
  try {
    return await work();
  } finally {
    if (request.bodyUsed) listener.timeout(request, IDLE_TIMEOUT_SECONDS);
  }
}

const listeners = new WeakMap<Request, Bun.Server<undefined>>();

/** The address of the connection's other end; empty if the connection is gone, or the request came another way. */
export function peerOf(request: Request): string {
  return listeners.get(request)?.requestIP(request)?.address ?? "";
}

/** Serves `app` at the address in the role's settings until the role stops. `setting`: which one has the address. */
export function startHttp(
  context: RoleContext<HttpSettings>,
  name: string,
  app: App,
  setting: Exposure["setting"] = "HOST",
): HttpServer {
  const { config, log, resources } = context;
  const server = resources.use(
    name,
    serveHttp(app, { hostname: config.HOST, port: config.PORT, names: config.SERVED_NAMES }),
  );
  log.info({ port: server.port }, "listening");
  const isBehindProxy = (config.TRUSTED_PROXIES ?? 0) > 0;
  if (!isBehindProxy)
    warnIfExposed(log, {
      what: name,
      setting,
      host: config.HOST,
      port: server.port,
      advice: "put a proxy with TLS in front of it and let nobody else reach this port",
    });
  return server;
}

/** The same request with the sent path and query as its URL. Not a copy: that costs 50 us, because of the body. */
function byPathAlone(request: Request): Request {
  const { url } = request;
  // Without a Host header Bun's URL is only the path.
  const path = url.startsWith("/") ? url : url.slice(url.indexOf("/", SCHEME_LENGTH));
  return Object.defineProperty(request, "url", { value: ORIGIN + path });
}

const REFUSALS = {
  malformed: {
    title: "Bad Request",
    status: 400,
    detail: "the Host header is neither a name nor an address",
  },
  unknown: {
    title: "Misdirected Request",
    status: 421,
    detail: "the name in the Host header is not served here; SERVED_NAMES lists the served names",
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
