// One server for both: the API under /api/, the storefront everywhere else. Called by cmd/gateway.

/** The used parts of an app. */
interface App {
  readonly fetch: (request: Request) => Response | Promise<Response>;
  readonly config: { readonly serve?: { maxRequestBodySize?: number } };
}

/** Each app limits bodies itself, below this common limit of the server. */
export function site(api: App, storefront: App | null): App {
  if (storefront === null) return api;
  return {
    config: api.config,
    fetch: (request) => (isApi(new URL(request.url).pathname) ? api : storefront).fetch(request),
  };
}

export function isApi(path: string): boolean {
  return path === "/api" || path.startsWith("/api/");
}
