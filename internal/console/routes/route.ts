// One page, stream or act of the console. `needs` is what app.ts enforces before it calls the handler; a test goes over the table.
import type { SignedIn, Visit } from "../visit.ts";

interface AnyRoute {
  readonly path: string;
  /** The label of the metric. */
  readonly name: string;
}

/** For everybody: the sign-in. */
interface OpenRoute extends AnyRoute {
  readonly method: "GET" | "POST";
  readonly needs: "nothing";
  readonly handle: (visit: Visit) => Response | Promise<Response>;
}

/** For everybody who is signed in: reading, and what changes only their own view. */
interface ReadRoute extends AnyRoute {
  readonly method: "GET" | "POST";
  readonly needs: "viewer";
  readonly handle: (visit: SignedIn) => Response | Promise<Response>;
}

/** Changes something, or shows what is private. */
interface ActRoute extends AnyRoute {
  readonly method: "POST";
  readonly needs: "operator";
  readonly handle: (visit: SignedIn) => Response | Promise<Response>;
}

export type ConsoleRoute = OpenRoute | ReadRoute | ActRoute;
