// Inventory's HTTP API: the gateway reads the catalogue, operators restock it; each proves itself with a token. Errors are RFC 9457 problems. Served by cmd/inventory.
import { Type } from "@sinclair/typebox";
import { TypeCompiler } from "@sinclair/typebox/compiler";
import { Value } from "@sinclair/typebox/value";
import { Elysia } from "elysia";
import { MAX_CART_LINES, SkuId, Uuid } from "../../../schemas/fields.ts";
import {
  type CataloguePage,
  type Problem,
  type RestockAnswer,
  RestockRequest,
} from "../../../schemas/http.ts";
import { queryReader } from "../../../schemas/query.ts";
import { type Access, Denied } from "../../kernel/actor.ts";
import { describeError } from "../../kernel/errors.ts";
import { priceFault } from "../../kernel/money.ts";
import { shopCurrencyFault } from "../../kernel/shop-currencies.ts";
import type { Log } from "../../kernel/telemetry.ts";
import type { Database } from "../../messaging/database.ts";
import {
  bodyOf,
  invalid,
  problemOf,
  problemResponse,
  queryOf,
  refused,
  requireJson,
} from "../../../schemas/problems.ts";
import { findItems, listProducts, preview, restock } from "./catalogue-store.ts";

const DEFAULT_PAGE_ITEMS = 100;
const MAX_PAGE_ITEMS = 1_000;
/** 1,000 items with texts of usual length stay well below; checkoutctl sends fewer items if theirs are long. */
const MAX_BODY_BYTES = 4 * 1_024 * 1_024;

const restockRequest = TypeCompiler.Compile(RestockRequest);
const pageQuery = queryReader(
  Type.Object(
    {
      after: Type.Optional(SkuId),
      limit: Type.Optional(Type.Integer({ minimum: 1, maximum: MAX_PAGE_ITEMS })),
      totals: Type.Optional(Type.Union([Type.Literal("true"), Type.Literal("false")])),
      skus: Type.Optional(Type.String({ maxLength: MAX_CART_LINES * 65 })),
    },
    { additionalProperties: false },
  ),
);
const restockQuery = queryReader(
  Type.Object(
    { dry_run: Type.Optional(Type.Union([Type.Literal("true"), Type.Literal("false")])) },
    { additionalProperties: false },
  ),
);
const cartSkus = TypeCompiler.Compile(Type.Array(SkuId, { minItems: 1, maxItems: MAX_CART_LINES }));

export interface CatalogueOptions {
  readonly database: Database;
  readonly access: Access;
  readonly log: Pick<Log, "info" | "error">;
  /** Prices in other currencies are rejected. */
  readonly currencies: ReadonlySet<string>;
}

export function catalogueApi({ access, database, log, currencies }: CatalogueOptions) {
  const { sql } = database;
  return new Elysia({ serve: { maxRequestBodySize: MAX_BODY_BYTES } })
    .onError(({ code, error, path }) => {
      if (error instanceof Denied) return problemResponse(refused(error.status, error.message).problem, path);
      const unavailable = database.faultOf(error) === "other" ? null : "the products";
      const problem = problemOf({ code, error, unavailable });
      if (problem.status >= 500) {
        log.error({ err: error, path }, `catalogue request failed: ${describeError(error)}`);
      }
      return problemResponse(problem, path);
    })
    .resolve(async ({ request, route }) => ({ actor: await access.admit(request, route) }))
    .get("/catalogue", async ({ request }) => {
      const { after = "", limit = DEFAULT_PAGE_ITEMS, skus, totals } = queryOf(pageQuery(request.url));
      if (skus !== undefined) {
        const items = await findItems(sql, cartSkusOf(skus));
        return cacheable(request, { items, next: null } satisfies CataloguePage);
      }
      // One extra row shows whether there is a next page.
      const found = await listProducts(sql, after, limit + 1);
      const items = found
        .slice(0, limit)
        .map(({ item, stocked_count }) => (totals === "true" ? { ...item, stocked_count } : item));
      const next = found.length > limit ? (items.at(-1)?.sku_id ?? null) : null;
      return cacheable(request, { items, next } satisfies CataloguePage);
    })
    .get("/catalogue/:sku_id", async ({ request, params: { sku_id } }) => {
      if (!Value.Check(SkuId, sku_id)) throw invalid([{ path: "/sku_id", message: "is not a SKU" }]);
      const [item] = await findItems(sql, [sku_id]);
      if (item === undefined) throw refused(404, `no product has the SKU ${sku_id}`);
      return cacheable(request, item);
    })
    .put(
      "/catalogue",
      async ({ actor, request }): Promise<RestockAnswer> => {
        const { dry_run } = queryOf(restockQuery(request.url));
        const key = idempotencyKeyOf(request);
        requireJson(request);
        const { items } = await bodyOf(request, restockRequest);
        const skus = items.map(({ sku_id }) => sku_id);
        if (new Set(skus).size < skus.length) throw refused(422, "a SKU appears twice");
        const faults = priceFaults(items, currencies);
        if (faults.length > 0) throw invalid(faults);
        const isDryRun = dry_run === "true";
        const done = await (isDryRun ? preview(database, items) : restock(database, items, key));
        if ("faults" in done) throw invalid(done.faults);
        if (!isDryRun) log.info({ actor: actor.name, ...done.changes }, "an operator changed the catalogue");
        return { items: await findItems(sql, skus), changes: done.changes };
      },
      { parse: "none" },
    );
}

/** Weak, because only the content counts. It lets the gateway and browsers skip a body that they already have. */
function cacheable(request: Request, body: unknown): Response {
  const text = JSON.stringify(body);
  const etag = `W/"${Bun.hash(text).toString(36)}"`;
  if (request.headers.get("if-none-match") === etag)
    return new Response(null, { status: 304, headers: { etag } });
  return new Response(text, { headers: { "content-type": "application/json", etag } });
}

function cartSkusOf(text: string): readonly string[] {
  const skus = [...new Set(text.split(","))];
  if (cartSkus.Check(skus)) return skus;
  throw invalid([{ path: "/skus", message: `is not a list of 1 to ${MAX_CART_LINES} SKUs` }]);
}

/** A price that cannot be charged must not enter the catalogue. */
function priceFaults(
  items: RestockRequest["items"],
  currencies: ReadonlySet<string>,
): NonNullable<Problem["errors"]> {
  return items.flatMap(({ unit_price_cents, currency }, index) => {
    const wrongCurrency = shopCurrencyFault(currency, currencies);
    if (wrongCurrency !== null) return [{ path: `/items/${index}/currency`, message: wrongCurrency }];
    const message = priceFault({ amount_cents: unit_price_cents, currency });
    return message === null ? [] : [{ path: `/items/${index}/unit_price_cents`, message }];
  });
}

function idempotencyKeyOf({ headers }: Request): string | null {
  const key = headers.get("idempotency-key");
  if (key === null || Value.Check(Uuid, key)) return key;
  throw invalid([{ path: "/idempotency-key", message: "is not a lower-case UUID" }]);
}
