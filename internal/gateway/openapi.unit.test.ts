// The OpenAPI document and the app have the same routes, and the document says what the app does.
import { expect, test } from "bun:test";
import { type Static, Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { shopCurrencies } from "../kernel/shop-currencies.ts";
import { authenticatorOf, servicesAt } from "../testkit/gateway.ts";
import { gatewayApp, routesOf } from "./app.ts";
import { openApiDocument, templateOf } from "./openapi.ts";

const Operation = Type.Object({
  operationId: Type.String(),
  security: Type.Array(Type.Unknown()),
  responses: Type.Record(
    Type.String(),
    Type.Object({ content: Type.Optional(Type.Record(Type.String(), Type.Unknown())) }),
  ),
});
const Document = Type.Object({
  openapi: Type.String(),
  paths: Type.Record(Type.String(), Type.Record(Type.String(), Operation)),
});
type Document = Static<typeof Document>;

const options = {
  ...servicesAt({}),
  authenticator: authenticatorOf(),
  seal: (token: string) => token,
  currencies: shopCurrencies(""),
  onError: () => undefined,
};
const app = gatewayApp(options);

async function served(): Promise<Document> {
  const response = await app.handle(new Request("http://localhost/api/v1/openapi.json"));
  return Value.Parse(Document, await response.json());
}

const operationsOf = ({ paths }: Document) =>
  Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, operation]) => ({
      name: `${method.toUpperCase()} ${path}`,
      operation,
    })),
  );

test("every route of the app is in the document, and every route of the document is in the app", async () => {
  // `ALL` answers the other methods of a path with 405.
  const inApp = app.routes
    .filter(({ method }) => method !== "ALL")
    .map(({ method, path }) => `${method} ${templateOf(path)}`);
  const inDocument = operationsOf(await served()).map(({ name }) => name);
  expect(inDocument.toSorted()).toEqual(inApp.toSorted());
  expect(inDocument.length).toBeGreaterThanOrEqual(9);
  const paths = new Set(app.routes.map(({ path }) => path));
  const refusing = app.routes.filter(({ method }) => method === "ALL").map(({ path }) => path);
  expect(refusing.toSorted()).toEqual([...paths].toSorted());
});

test("the served document is that of the routes, OpenAPI 3.1, with an ETag", async () => {
  const response = await app.handle(new Request("http://localhost/api/v1/openapi.json"));
  expect(await response.json()).toEqual(JSON.parse(JSON.stringify(openApiDocument(routesOf(options)))));
  expect((await served()).openapi).toBe("3.1.1");
  const etag = response.headers.get("etag") ?? "";
  const headers = { "if-none-match": `"other", W/${etag}` };
  const again = await app.handle(new Request("http://localhost/api/v1/openapi.json", { headers }));
  expect([again.status, await again.text(), again.headers.get("etag")]).toEqual([304, "", etag]);
  const other = { "if-none-match": '"other"' };
  expect(
    (await app.handle(new Request("http://localhost/api/v1/openapi.json", { headers: other }))).status,
  ).toBe(200);
});

test("a route needs a token exactly if the document says so", async () => {
  for (const { name, operation } of operationsOf(await served())) {
    const [method = "", path = ""] = name.split(" ");
    const url = `http://localhost${path.replaceAll(/\{\w+\}/g, "01890000-0000-7000-8000-000000000001")}`;
    const { status } = await app.handle(new Request(url, { method }));
    expect([name, status === 401]).toEqual([name, operation.security.length > 0]);
    expect([name, "401" in operation.responses]).toEqual([name, operation.security.length > 0]);
  }
});

test("operation ids are unique, and every error answer is a problem", async () => {
  const operations = operationsOf(await served());
  const ids = operations.map(({ operation }) => operation.operationId);
  expect(new Set(ids).size).toBe(ids.length);
  for (const { operation } of operations)
    for (const [status, { content = {} }] of Object.entries(operation.responses))
      if (Number(status) >= 400) expect(Object.keys(content)).toEqual(["application/problem+json"]);
});
