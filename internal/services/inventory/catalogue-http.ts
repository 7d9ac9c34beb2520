// Inventory's own HTTP API: the gateway reads the catalogue here, operators restock it. Internal: it knows no users, so it
// listens on a private address. Faults are answered as RFC 9457 problems. Served by cmd/inventory.
import { Type } from "@sinclair/typebox";
import { Elysia, t, ValidationError } from "elysia";
import { SkuId, Uuid } from "../../../schemas/fields.ts";
import {
  type CatalogueItem,
  type CataloguePage,
  type Problem,
  RestockRequest,
} from "../../../schemas/http.ts";
import { describeError } from "../../kernel/errors.ts";
import { isKnownCurrency, priceFault } from "../../kernel/money.ts";
import type { Database } from "../../messaging/database.ts";
import { findItems, listItems, restock } from "./catalogue-store.ts";

const DEFAULT_PAGE_ITEMS = 100;
const MAX_PAGE_ITEMS = 1_000;
/** A thousand items of the longest names stay well below. */
const MAX_BODY_BYTES = 2 * 1_024 * 1_024;
const MAX_FAULTS_TOLD = 20;
const RETRY_AFTER_SECONDS = 1;

export interface CatalogueOptions {
  readonly database: Database;
  readonly log: { error(fields: object, message: string): void };
}

export function catalogueApi({ database, log }: CatalogueOptions) {
  const { sql } = database;
  return new Elysia({ normalize: false, serve: { maxRequestBodySize: MAX_BODY_BYTES } })
    .onError(({ code, error, path }) => {
      const problem = problemOf(code, error, database);
      if (problem.status >= 500) {
        log.error({ err: error, path }, `catalogue request failed: ${describeError(error)}`);
      }
      return answer(problem, path);
    })
    .get(
      "/catalogue",
      async ({ query: { after = "", limit = DEFAULT_PAGE_ITEMS } }): Promise<CataloguePage> => {
        // One more than asked for tells whether there is a next page.
        const found = await listItems(sql, after, limit + 1);
        const items = found.slice(0, limit);
        return { items, next: found.length > limit ? (items.at(-1)?.sku_id ?? null) : null };
      },
      {
        query: Type.Object({
          after: Type.Optional(SkuId),
          // Elysia's own: the text of a query becomes a number.
          limit: Type.Optional(t.Numeric({ minimum: 1, maximum: MAX_PAGE_ITEMS, multipleOf: 1 })),
        }),
      },
    )
    .get(
      "/catalogue/:sku_id",
      async ({ params: { sku_id }, path }): Promise<CatalogueItem | Response> => {
        const [item] = await findItems(sql, [sku_id]);
        return item ?? answer({ ...NOT_FOUND, detail: `nothing is sold as ${sku_id}` }, path);
      },
      { params: Type.Object({ sku_id: SkuId }) },
    )
    .put(
      "/catalogue",
      async ({ body: { items }, headers, path }): Promise<{ items: CatalogueItem[] } | Response> => {
        const skus = items.map(({ sku_id }) => sku_id);
        if (new Set(skus).size < skus.length) {
          return answer({ ...INVALID, detail: "a SKU is named twice" }, path);
        }
        const errors = priceFaults(items);
        if (errors.length > 0) return answer({ ...INVALID, errors: errors.slice(0, MAX_FAULTS_TOLD) }, path);
        await restock(database, items, headers["idempotency-key"] ?? null);
        return { items: await findItems(sql, skus) };
      },
      { body: RestockRequest, headers: Type.Object({ "idempotency-key": Type.Optional(Uuid) }) },
    );
}

/** What could not be charged must not be sold. */
function priceFaults(items: RestockRequest["items"]): NonNullable<Problem["errors"]> {
  return items.flatMap(({ unit_price_cents, currency }, index) => {
    const message = priceFault({ amount_cents: unit_price_cents, currency });
    const field = isKnownCurrency(currency) ? "unit_price_cents" : "currency";
    return message === null ? [] : [{ path: `/items/${index}/${field}`, message }];
  });
}

const NOT_FOUND: Problem = { type: "about:blank", title: "Not Found", status: 404 };
const INVALID: Problem = { type: "about:blank", title: "Unprocessable Content", status: 422 };

function problemOf(code: string | number, error: unknown, database: Database): Problem {
  if (error instanceof ValidationError) return { ...INVALID, errors: faultsOf(error) };
  if (code === "PARSE") {
    return { type: "about:blank", title: "Bad Request", status: 400, detail: "the body is not JSON" };
  }
  if (code === "NOT_FOUND") return NOT_FOUND;
  if (database.faultOf(error) !== "other") {
    const detail = "the catalogue cannot be reached now, try again";
    return { type: "about:blank", title: "Service Unavailable", status: 503, detail };
  }
  return { type: "about:blank", title: "Internal Server Error", status: 500 };
}

/** Where and why, never the value. */
function faultsOf(error: ValidationError): NonNullable<Problem["errors"]> {
  return error.all.slice(0, MAX_FAULTS_TOLD).map((fault) => ({
    path: "path" in fault ? fault.path : "",
    message: ("message" in fault ? fault.message : undefined) ?? "does not match its schema",
  }));
}

function answer(problem: Problem, instance: string): Response {
  const headers = new Headers({ "content-type": "application/problem+json" });
  if (problem.status === 503) headers.set("retry-after", String(RETRY_AFTER_SECONDS));
  return new Response(JSON.stringify({ ...problem, instance }), { status: problem.status, headers });
}
