// HTTP answers of the public API beside checkouts and orders: products, and what a checkout did so far. Public answers hold these fields
// and no others: the gateway removes what a service answers beyond them.
import { type Static, Type } from "@sinclair/typebox";
import { SkuId, Timestamp } from "./fields.ts";
import { CatalogueItem, CataloguePage, SagaStatus, SagaStatusView } from "./http.ts";

const nullable = <Schema extends Parameters<typeof Type.Union>[0][number]>(schema: Schema) =>
  Type.Union([schema, Type.Null()]);

/** What the gateway reads of an item of inventory's catalogue. A newer inventory may add fields. */
export const CatalogueEntry = Type.Object(CatalogueItem.properties);
export type CatalogueEntry = Static<typeof CatalogueEntry>;

/** GET /catalogue on inventory. */
export const CatalogueEntries = Type.Object({
  ...CataloguePage.properties,
  items: Type.Array(CatalogueEntry),
});

const { available_count: _count, stocked_count: _total, ...productText } = CatalogueItem.properties;

/** From this count on, the API says only "at least". */
export const MAX_STOCK_TOLD = 20;

/** GET /api/v1/products/{sku} */
export const Product = Type.Object({
  ...productText,
  /** Pieces on the shelf. If not exact, at least this many: exact large counts would tell competitors what the shop sells. */
  available: Type.Object({
    count: Type.Integer({ minimum: 0, maximum: MAX_STOCK_TOLD }),
    is_exact: Type.Boolean(),
  }),
});
export type Product = Static<typeof Product>;

/** GET /api/v1/products, in SKU order. `?after=` with `next` returns the next page; null at the end. */
export const ProductPage = Type.Object({ products: Type.Array(Product), next: nullable(SkuId) });
export type ProductPage = Static<typeof ProductPage>;

/** One line of a checkout's history. `id` grows. */
export const SagaProgress = Type.Object({
  id: Type.Integer({ minimum: 1 }),
  status: SagaStatus,
  step: Type.String(),
  at: Timestamp,
});
export type SagaProgress = Static<typeof SagaProgress>;

/** GET /sagas/:id/history on the orchestrator: the lines after `?after=`, oldest first, and the status with the last of them. */
export const SagaHistory = Type.Object({ events: Type.Array(SagaProgress), view: SagaStatusView });
export type SagaHistory = Static<typeof SagaHistory>;

/** GET /api/v1/health */
export const Health = Type.Object({ status: Type.Literal("ok") });
