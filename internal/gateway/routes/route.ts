// What a route of the public API is: its description and its handler in one object. The app's routing, the 405 of other methods and
// the OpenAPI document all come from these objects, so none of them can know a route that another does not. Used by the files of this
// folder, app.ts and openapi.ts.
import type { TObject, TSchema } from "@sinclair/typebox";
import type { ProblemType } from "../problem.ts";

/** The used part of Elysia's context. */
export interface Call {
  readonly request: Request;
  readonly params: Readonly<Record<string, string>>;
  readonly set: { status?: number | string; readonly headers: Record<string, string | number> };
}

export interface ShopperCall extends Call {
  /** From the verified token. */
  readonly userId: string;
}

export interface HeaderField {
  readonly description: string;
  readonly schema: TSchema;
  /** Whether a request must have it, or an answer always has it. */
  readonly required?: boolean;
}
export type HeaderFields = Readonly<Record<string, HeaderField>>;

export interface Answer {
  readonly description: string;
  /** None: the answer has no body. */
  readonly schema?: TSchema;
  /** `application/json` if absent. */
  readonly mediaType?: string;
  readonly headers?: HeaderFields;
  /** What a client may do next, by name: another operation, and where its parameters are in this answer. */
  readonly links?: Readonly<
    Record<string, { readonly operationId: string; readonly parameters: Readonly<Record<string, string>> }>
  >;
}

interface Description {
  readonly method: "GET" | "POST";
  /** In Elysia's form: `/api/v1/saga/:id/status`. */
  readonly path: `/api/v1/${string}`;
  /** Unique; generated clients name their functions after it. */
  readonly operationId: string;
  readonly tag: string;
  readonly summary: string;
  readonly description?: string;
  /** The parts of the path; each handler checks them and answers 404 to others. */
  readonly params?: Readonly<Record<string, HeaderField>>;
  readonly query?: TObject;
  readonly headers?: HeaderFields;
  /** Of the JSON body. */
  readonly body?: TSchema;
  /** A body that is accepted. */
  readonly example?: unknown;
  readonly answers: Readonly<Record<number, Answer>>;
  /** Besides those that any route has (`OF_ANY_ROUTE` in openapi.ts). */
  readonly problems: readonly ProblemType[];
}

/** Answers without a user: everybody sees the same. */
export interface OpenRoute extends Description {
  readonly access: "open";
  readonly handle: (call: Call) => unknown;
}

/** The app verifies the token before it calls `handle`. */
export interface ShopperRoute extends Description {
  readonly access: "shopper";
  readonly handle: (call: ShopperCall) => unknown;
}

export type Route = OpenRoute | ShopperRoute;

/** The methods of each path, for the `Allow` header: `GET, HEAD`. */
export function allowedMethods(routes: readonly Route[]): ReadonlyMap<string, string> {
  const allowed = new Map<string, string>();
  for (const { path, method } of routes) {
    const names = method === "GET" ? "GET, HEAD" : method;
    const others = allowed.get(path);
    allowed.set(path, others === undefined ? names : `${others}, ${names}`);
  }
  return allowed;
}
