// GET /api/v1/products and /api/v1/products/:sku: the catalogue, for everybody. Answered from memory for a few seconds, so that
// browsing costs inventory nothing. Composed by app.ts.
import { Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { SkuId } from "../../../schemas/fields.ts";
import { type CatalogueEntry, MAX_STOCK_TOLD, Product, ProductPage } from "../../../schemas/shop.ts";
import type { Clock } from "../../kernel/ports.ts";
import { answerCacheable, type Cacheable, cacheable } from "../cacheable.ts";
import type { InventoryClient } from "../inventory-client.ts";
import { ProblemError } from "../problem.ts";
import { SharedAnswers } from "../shared-answers.ts";
import { CACHE_HEADERS, IF_NONE_MATCH, NOT_MODIFIED, strictQuery } from "./reading.ts";
import type { Call, Route } from "./route.ts";

const DEFAULT_PAGE_PRODUCTS = 50;
const MAX_PAGE_PRODUCTS = 100;
/** Clients and caches on the way may use an answer for this time; the gateway itself does too. */
const MAX_AGE_SECONDS = 5;

/** A page of 100 products is 20 to 100 KB, so this is at most 50 MB, usually a few. */
const MAX_PAGES = 500;
/** One product is about 1 KB. */
const MAX_PRODUCTS = 10_000;
const FRESHNESS = { freshMs: MAX_AGE_SECONDS * 1_000, staleMs: 60_000, restMs: 1_000, maxCalls: 64 };

const PageQuery = Type.Object(
  {
    after: Type.Optional(SkuId),
    limit: Type.Optional(
      Type.Integer({ minimum: 1, maximum: MAX_PAGE_PRODUCTS, default: DEFAULT_PAGE_PRODUCTS }),
    ),
  },
  { additionalProperties: false },
);
const pageQuery = strictQuery(PageQuery);

export interface ProductOptions {
  readonly inventory: Pick<InventoryClient, "page" | "item">;
  readonly clock: Clock;
}

export function productRoutes({ inventory, clock }: ProductOptions): readonly Route[] {
  const pages = new SharedAnswers<Cacheable>({
    ...FRESHNESS,
    clock,
    maxEntries: MAX_PAGES,
    load: async (key) => {
      const { after, limit } = pageOf(key);
      const { items, next } = await inventory.page(after, limit);
      return cacheable({ products: items.map(productOf), next } satisfies ProductPage);
    },
  });
  const products = new SharedAnswers<Cacheable | null>({
    ...FRESHNESS,
    clock,
    maxEntries: MAX_PRODUCTS,
    load: async (sku) => {
      const entry = await inventory.item(sku);
      return entry === null ? null : cacheable(productOf(entry));
    },
  });
  return [pageRoute(pages), productRoute(products)];
}

function pageRoute(pages: SharedAnswers<Cacheable>): Route {
  return {
    method: "GET",
    path: "/api/v1/products",
    operationId: "listProducts",
    tag: "products",
    summary: "A page of the catalogue, in the order of SKUs",
    access: "open",
    query: PageQuery,
    headers: IF_NONE_MATCH,
    answers: {
      200: {
        description: "The page.",
        schema: ProductPage,
        headers: CACHE_HEADERS,
        links: {
          product: { operationId: "product", parameters: { sku: "$response.body#/products/0/sku_id" } },
          next: { operationId: "listProducts", parameters: { after: "$response.body#/next" } },
        },
      },
      304: NOT_MODIFIED,
    },
    problems: ["invalid-query", "service-unavailable"],
    async handle({ request }: Call) {
      const { after = "", limit = DEFAULT_PAGE_PRODUCTS } = pageQuery(request.url);
      return answerCacheable(request, await pages.get(`${limit} ${after}`), MAX_AGE_SECONDS);
    },
  };
}

function productRoute(products: SharedAnswers<Cacheable | null>): Route {
  return {
    method: "GET",
    path: "/api/v1/products/:sku",
    operationId: "product",
    tag: "products",
    summary: "One product",
    access: "open",
    params: { sku: { description: "`sku_id` of the product.", schema: SkuId } },
    headers: IF_NONE_MATCH,
    answers: {
      200: { description: "The product.", schema: Product, headers: CACHE_HEADERS },
      304: NOT_MODIFIED,
    },
    problems: ["not-found", "service-unavailable"],
    async handle({ request, params }: Call) {
      const sku = params["sku"];
      if (!Value.Check(SkuId, sku)) throw new ProblemError("not-found");
      const product = await products.get(sku);
      if (product === null) throw new ProblemError("not-found");
      return answerCacheable(request, product, MAX_AGE_SECONDS);
    },
  };
}

/** The parts of a key of `pages`; a SKU has no space. */
function pageOf(key: string) {
  const [limit = "", after = ""] = key.split(" ");
  return { after: after === "" ? undefined : after, limit: Number(limit) };
}

/** What a shopper may see of an item. */
function productOf({ available_count, ...entry }: CatalogueEntry): Product {
  const available = {
    count: Math.min(available_count, MAX_STOCK_TOLD),
    is_exact: available_count <= MAX_STOCK_TOLD,
  };
  const product: Product = { ...entry, available };
  // Drops inventory's fields that are not public.
  Value.Clean(Product, product);
  return product;
}
