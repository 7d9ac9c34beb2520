// The gateway's client of inventory's catalogue API. Called by routes/products.ts and shop-data.ts, through caches.
import { TypeCompiler } from "@sinclair/typebox/compiler";
import { Problem } from "../../schemas/http.ts";
import { CatalogueEntries, CatalogueEntry } from "../../schemas/shop.ts";
import { InternalApi, refused, type ServiceAt } from "./internal-api.ts";

/** A page takes a few milliseconds. */
const TIMEOUT_MS = 2_000;

const fault = TypeCompiler.Compile(Problem);
const page = { body: TypeCompiler.Compile(CatalogueEntries), fault };
const entry = { body: TypeCompiler.Compile(CatalogueEntry), fault };

export class InventoryClient {
  readonly #api: InternalApi;

  constructor(at: ServiceAt) {
    this.#api = new InternalApi("inventory", at);
  }

  /** Up to `limit` items in SKU order, after the SKU `after`. Throws SERVICE_UNAVAILABLE. */
  async page(after: string | undefined, limit: number) {
    const query = after === undefined ? `limit=${limit}` : `limit=${limit}&after=${after}`;
    const answer = await this.#api.call(`/catalogue?${query}`, page, {
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    return "body" in answer ? answer.body : refused("inventory", answer.fault);
  }

  /** The existing ones among `skus`, at most MAX_CART_LINES. Throws SERVICE_UNAVAILABLE. */
  async items(skus: readonly string[]): Promise<readonly CatalogueEntry[]> {
    const answer = await this.#api.call(`/catalogue?skus=${skus.join(",")}`, page, {
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    return "body" in answer ? answer.body.items : refused("inventory", answer.fault);
  }

  /** Null if there is no such SKU. Throws SERVICE_UNAVAILABLE. */
  async item(sku: string): Promise<CatalogueEntry | null> {
    const answer = await this.#api.call(`/catalogue/${sku}`, entry, {
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    if ("body" in answer) return answer.body;
    return answer.fault.status === 404 ? null : refused("inventory", answer.fault);
  }
}
