// What the products of a mail are called, from inventory's catalogue. A mail never waits for long and never fails because of it: a name
// that is not known in time is left out, and the mail shows the SKU. Called by notifier.ts and waiting-mails.ts.
import { TypeCompiler } from "@sinclair/typebox/compiler";
import { CataloguePage } from "../../../schemas/http.ts";
import type { SendNotification } from "../../../schemas/notification.ts";
import type { Credential } from "../../kernel/actor.ts";
import type { Clock } from "../../kernel/ports.ts";
import { RecentlyUsed } from "../../kernel/recently-used.ts";
import { isShut, sendSigned, shutText } from "../../kernel/signed-call.ts";

const TIMEOUT_MS = 1_000;
/** A product that was renamed has its old name in mails for this long. */
const FRESH_MS = 10 * 60_000;
/** After a fault nothing is asked for this time. */
const REST_MS = 5_000;
/** About 200 bytes each. */
const MAX_PRODUCTS = 20_000;

export interface NamedProduct {
  readonly name: string;
  /** By language tag. */
  readonly names?: Readonly<Record<string, string>>;
}
export type NamedProducts = ReadonlyMap<string, NamedProduct>;

export interface ProductNames {
  /** The known products of the command's items, by SKU. Never rejects. */
  of(command: SendNotification): Promise<NamedProducts>;
}

/** Without inventory's address mails show SKUs. */
export const noNames: ProductNames = { of: async () => new Map() };

export interface CatalogueNamesOptions {
  /** Inventory's address. */
  readonly url: string;
  /** Of this role, for inventory. */
  readonly credential: Credential;
  readonly clock: Clock;
  /** Called with each fault. */
  readonly onError: (error: unknown) => void;
  /** Overrides the limit above, for tests. Milliseconds. */
  readonly timeoutMs?: number;
}

const SELF = {
  service: "inventory",
  caller: "service",
  setting: "NOTIFICATION_PRIVATE_JWK",
  kind: "reader",
} as const;

const page = TypeCompiler.Compile(CataloguePage);

interface Known {
  readonly product: NamedProduct | null;
  readonly loadedAt: number;
}

export class CatalogueNames implements ProductNames {
  readonly #options: CatalogueNamesOptions;
  readonly #known = new RecentlyUsed<string, Known>(MAX_PRODUCTS);
  /** SKUs that are being asked for. */
  readonly #asked = new Map<string, Promise<void>>();
  #failedAt = -Infinity;

  constructor(options: CatalogueNamesOptions) {
    this.#options = options;
  }

  async of({ items = [] }: SendNotification): Promise<NamedProducts> {
    const skus = items.map(({ sku_id }) => sku_id);
    const now = this.#options.clock.now();
    const isFresh = (sku: string) => now - (this.#known.get(sku)?.loadedAt ?? -Infinity) < FRESH_MS;
    const missing = skus.filter((sku) => !isFresh(sku) && !this.#asked.has(sku));
    if (missing.length > 0 && now - this.#failedAt >= REST_MS) this.#ask(missing, now);
    await Promise.all(skus.flatMap((sku) => this.#asked.get(sku) ?? []));
    const found = new Map<string, NamedProduct>();
    for (const sku of skus) {
      // An old name is better than none.
      const product = this.#known.get(sku)?.product ?? null;
      if (product !== null) found.set(sku, product);
    }
    return found;
  }

  /** Mails of one batch often have the same products. */
  #ask(skus: readonly string[], now: number): void {
    const asked = this.#load(skus, now)
      .catch((error: unknown) => {
        this.#failedAt = now;
        this.#options.onError(error);
      })
      .finally(() => {
        for (const sku of skus) this.#asked.delete(sku);
      });
    for (const sku of skus) this.#asked.set(sku, asked);
  }

  async #load(skus: readonly string[], now: number): Promise<void> {
    const response = await this.#fetch(skus);
    const body: unknown = await response.json();
    if (!response.ok || !page.Check(body))
      throw new Error(`inventory answered ${response.status} when it was asked for names of products`);
    const found = new Map(body.items.map((item) => [item.sku_id, item]));
    for (const sku of skus) this.#known.set(sku, { product: productOf(found.get(sku)), loadedAt: now });
  }

  async #fetch(skus: readonly string[]): Promise<Response> {
    const { url, credential, timeoutMs = TIMEOUT_MS } = this.#options;
    const query = new URLSearchParams({ skus: skus.join(",") });
    const signal = AbortSignal.timeout(timeoutMs);
    const response = await sendSigned(credential, (authorization) =>
      fetch(new URL(`/catalogue?${query.toString()}`, url), {
        headers: { authorization },
        redirect: "error",
        signal,
      }),
    );
    if (!isShut(response)) return response;
    await response.body?.cancel();
    throw new Error(shutText(SELF, response.status));
  }
}

function productOf(item: CataloguePage["items"][number] | undefined): NamedProduct | null {
  if (item === undefined) return null;
  return { name: item.name, ...(item.names === undefined ? {} : { names: item.names }) };
}
