// Writes the OpenAPI 3.1 document from the routes. TypeBox schemas are JSON Schema, so the document has the same schemas that
// validate. Pure: the routes are data. Called by routes/meta.ts.
import { type TSchema, Type } from "@sinclair/typebox";
import { version } from "../../package.json";
import { Problem } from "../../schemas/http.ts";
import { describeProblem, type ProblemType } from "./problem.ts";
import type { Answer, HeaderField, HeaderFields, Route } from "./routes/route.ts";

const SECURITY_SCHEME = "shopper";

const TAGS = [
  { name: "checkout", description: "Place a checkout and follow it." },
  { name: "products", description: "What the shop sells. No token needed." },
  { name: "orders", description: "What the shopper ordered." },
  { name: "meta", description: "About this API." },
];

const DESCRIPTION = `The public API of the shop. Amounts (\`*_cents\`) are minor units of their currency: cents of a euro, whole yen.
Errors are RFC 9457 problems; choose the next step by \`type\`. Unknown fields are rejected. New fields may appear in answers at any time.`;

export function openApiDocument(routes: readonly Route[]): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const route of routes) {
    const operations = (paths[templateOf(route.path)] ??= {});
    operations[route.method.toLowerCase()] = operationOf(route);
  }
  return {
    openapi: "3.1.1",
    info: {
      title: "Checkout",
      version,
      description: DESCRIPTION,
      license: { name: "MIT", identifier: "MIT" },
    },
    // The address is that of the gateway, which serves this document.
    servers: [{ url: "/" }],
    tags: TAGS,
    paths,
    components: {
      schemas: { Problem: jsonSchema(Problem) },
      securitySchemes: {
        [SECURITY_SCHEME]: {
          type: "http",
          scheme: "bearer",
          bearerFormat: "JWT",
          description: "A token of the shop's identity provider; its subject is the shopper.",
        },
      },
    },
  };
}

/** `/api/v1/saga/{id}/status` */
export function templateOf(path: string): string {
  return path.replaceAll(/:(\w+)/g, "{$1}");
}

function operationOf(route: Route): object {
  const { operationId, tag, summary, description, access, body, example } = route;
  return {
    operationId,
    tags: [tag],
    summary,
    ...(description === undefined ? {} : { description }),
    security: access === "open" ? [] : [{ [SECURITY_SCHEME]: [] }],
    parameters: [
      ...parameters("path", route.params ?? {}, true),
      ...queryParameters(route),
      ...parameters("header", route.headers ?? {}),
    ],
    ...(body === undefined
      ? {}
      : { requestBody: { required: true, content: { "application/json": mediaOf(body, example) } } }),
    responses: { ...answersOf(route.answers), ...problemsOf(problemTypes(route)) },
  };
}

function mediaOf(schema: TSchema, example: unknown): object {
  return { schema: jsonSchema(schema), ...(example === undefined ? {} : { example }) };
}

/** Limits apply to every route. */
const OF_ANY_ROUTE: readonly ProblemType[] = ["too-many-requests", "service-unavailable", "internal-error"];

/** The route's own problems, and those that any route of its kind has. */
function problemTypes({ access, problems }: Route): readonly ProblemType[] {
  const token: readonly ProblemType[] = access === "shopper" ? ["unauthenticated"] : [];
  return [...new Set([...token, ...problems, ...OF_ANY_ROUTE])];
}

function parameters(place: "path" | "header", fields: HeaderFields, isRequired = false): object[] {
  return Object.entries(fields).map(([name, { description, schema, required = isRequired }]) => ({
    name,
    in: place,
    required,
    description,
    schema: jsonSchema(schema),
  }));
}

function queryParameters({ query }: Route): object[] {
  if (query === undefined) return [];
  return Object.entries(query.properties).map(([name, { description, ...schema }]) => ({
    name,
    in: "query",
    required: query.required?.includes(name) ?? false,
    ...(description === undefined ? {} : { description }),
    schema: jsonSchema(schema),
  }));
}

function answersOf(answers: Readonly<Record<number, Answer>>): Record<string, object> {
  return Object.fromEntries(
    Object.entries(answers).map(([status, { description, schema, mediaType, headers, links }]) => [
      status,
      {
        description,
        ...(links === undefined ? {} : { links }),
        ...(headers === undefined ? {} : { headers: headersOf(headers) }),
        ...(schema === undefined
          ? {}
          : { content: { [mediaType ?? "application/json"]: { schema: jsonSchema(schema) } } }),
      },
    ]),
  );
}

/** One answer per status, which lists its problem types. */
function problemsOf(types: readonly ProblemType[]): Record<string, object> {
  const byStatus = Map.groupBy(types, (type) => describeProblem(type).status);
  return Object.fromEntries(
    [...byStatus].map(([status, all]) => [
      status,
      {
        description: all.map((type) => `\`${type}\`: ${describeProblem(type).title}.`).join("\n"),
        ...(PROBLEM_HEADERS[status] === undefined ? {} : { headers: headersOf(PROBLEM_HEADERS[status]) }),
        content: {
          "application/problem+json": {
            schema: {
              allOf: [{ $ref: "#/components/schemas/Problem" }],
              properties: { type: { enum: all.map((type) => `urn:checkout:problem:${type}`) } },
            },
          },
        },
      },
    ]),
  );
}

const RETRY_AFTER: HeaderFields = {
  "Retry-After": {
    description: "Seconds to wait before the next try.",
    schema: Type.Integer(),
    required: true,
  },
};
const PROBLEM_HEADERS: Readonly<Record<number, HeaderFields>> = {
  401: {
    "WWW-Authenticate": {
      description: "`Bearer`",
      schema: Type.String(),
      required: true,
    },
  },
  429: RETRY_AFTER,
  503: RETRY_AFTER,
};

function headersOf(fields: HeaderFields): Record<string, object> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, { description, schema, required = false }]: [string, HeaderField]) => [
      name,
      { description, required, schema: jsonSchema(schema) },
    ]),
  );
}

/** TypeBox's own marks are symbols, which JSON leaves out. */
function jsonSchema(schema: TSchema): unknown {
  return JSON.parse(JSON.stringify(schema), (key, value: unknown) =>
    key === "pattern" && typeof value === "string" ? portablePattern(value) : value,
  );
}

/**
 * Ours also reject halves of surrogate pairs, which only JavaScript has. Other languages reject such a text before a pattern sees it,
 * and most cannot read a pattern that names them.
 */
function portablePattern(pattern: string): string {
  return pattern
    .replace(/^\^\(\?:(\[\^.*)\\ud800-\\udfff\]\|\[\\ud800-\\udbff\]\[\\udc00-\\udfff\]\)\*\$$/, "^$1]*$$")
    .replaceAll("\\ud800-\\udfff", "");
}
