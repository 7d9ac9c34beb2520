// One server for both: the API under /api/, the storefront everywhere else. Called by cmd/gateway.

import type { RequestTraces } from "./request-traces.ts";

/** The used parts of an app. */
interface App {
  readonly fetch: (request: Request) => Response | Promise<Response>;
  readonly config: { readonly serve?: { maxRequestBodySize?: number } };
}

/** Each app limits bodies itself, below this common limit of the server. */
export function site(api: App, storefront: App | null, traces: Pick<RequestTraces, "within">): App {
  const appOf = ({ url }: Request) =>
    storefront === null || isApi(new URL(url).pathname) ? api : storefront;
  return {
    config: api.config,
    fetch: (request) => traces.within(request, () => appOf(request).fetch(request)),
  };
}

export function isApi(path: string): boolean {
  return path === "/api" || path.startsWith("/api/");
}
