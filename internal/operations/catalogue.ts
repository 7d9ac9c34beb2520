// Reads and restocks the catalogue through inventory's HTTP interface, never by SQL: only inventory writes stock. Used by
// checkoutctl and the demo.
import { Type } from "@sinclair/typebox";
import {
  type CatalogueItem,
  CataloguePage,
  Problem,
  RestockAnswer,
  RestockRequest,
} from "../../schemas/http.ts";
import { LateCheck } from "../../schemas/late-check.ts";
import { AppError } from "../kernel/errors.ts";
import { priceFault, priceStep } from "../kernel/money.ts";
import { authorized, requireAdmitted, type ServiceAt } from "./service-call.ts";

/** The limit of one request and of one page (see RestockRequest). */
export const MAX_ITEMS_PER_REQUEST = 1_000;
const MAX_FAULTS_SHOWN = 10;
const REQUEST_TIMEOUT_MS = 10_000;

type RestockItem = RestockRequest["items"][number];

/** The items of RestockRequest without the limit on their number. */
const restockFile = new LateCheck(
  Type.Object(
    { items: Type.Array(RestockRequest.properties.items.items, { minItems: 1 }) },
    { additionalProperties: false },
  ),
);
const cataloguePage = new LateCheck(CataloguePage);
const restockAnswer = new LateCheck(RestockAnswer);
const problem = new LateCheck(Problem);

/** Inventory rejected a request and said why. */
export class InventoryRejected extends AppError {
  readonly problem: Problem;

  constructor(text: string, reason: Problem) {
    super("MESSAGE_INVALID", text);
    this.problem = reason;
  }
}

/** Returns `count` made-up products. They are the same every time, so a second load restocks them instead of adding new ones. */
export function demoCatalogue(count: number, stock: number, currency: string): RestockItem[] {
  const kinds = ["Mug", "Teapot", "Notebook", "Lamp", "Backpack", "Headphones", "Scarf", "Chair"] as const;
  // The same numbers in every currency, rounded to an amount that can be charged in it.
  const step = priceStep(currency);
  const colours = ["red", "blue", "green", "black", "white", "yellow", "grey"] as const;
  return Array.from({ length: count }, (_, index) => ({
    sku_id: `demo-${String(index + 1).padStart(4, "0")}`,
    name: `${kinds[index % kinds.length]} ${colours[index % colours.length]} no. ${index + 1}`,
    unit_price_cents: Math.ceil((499 + ((index * 1_300) % 20_000)) / step) * step,
    currency,
    add_count: stock,
  }));
}

/** Parses JSON in the shape of RestockRequest. Throws MESSAGE_INVALID with the first errors. */
export function parseCatalogue(text: string, origin: string): RestockItem[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new AppError("MESSAGE_INVALID", `${origin} is not JSON`, { cause: error });
  }
  if (restockFile.Check(value)) return value.items;
  const faults = [...restockFile.Errors(value)].map(({ path, message }) => `${path || "/"} ${message}`);
  throw new AppError("MESSAGE_INVALID", `${origin}: ${faults.slice(0, MAX_FAULTS_SHOWN).join("; ")}`);
}

/**
 * Adds the items to the stock. There is no retry on failure: it could add stock twice. Throws
 * MESSAGE_INVALID before anything is added if a price cannot be charged.
 */
export async function loadCatalogue(inventory: ServiceAt, items: readonly RestockItem[]): Promise<void> {
  const faults = items.flatMap(({ sku_id, unit_price_cents: amount_cents, currency }) => {
    const fault = priceFault({ amount_cents, currency });
    return fault === null ? [] : [`${sku_id}: ${fault}`];
  });
  if (faults.length > 0) throw new AppError("MESSAGE_INVALID", faults.slice(0, MAX_FAULTS_SHOWN).join("; "));
  for (const part of chunks(items)) {
    // One after the other: a rejected request must stop the rest.
    await request(inventory, "PUT", "/catalogue", { items: part });
  }
}

/** Sets up to MAX_ITEMS_PER_REQUEST products; with `dryRun` only says what would change. Throws InventoryRejected. */
export async function putItems(
  inventory: ServiceAt,
  items: readonly RestockItem[],
  dryRun: boolean,
): Promise<RestockAnswer> {
  const answer = await request(inventory, "PUT", `/catalogue?dry_run=${dryRun}`, { items });
  if (restockAnswer.Check(answer)) return answer;
  throw notInventory(inventory);
}

/** All products, in SKU order. */
export async function listCatalogue(inventory: ServiceAt): Promise<CatalogueItem[]> {
  const items: CatalogueItem[] = [];
  for (let after: string | null = ""; after !== null;) {
    const query = new URLSearchParams({
      limit: String(MAX_ITEMS_PER_REQUEST),
      totals: "true",
      ...(after && { after }),
    });
    // Sequential, because each page says where the next one begins.
    const page = await request(inventory, "GET", `/catalogue?${query.toString()}`);
    if (!cataloguePage.Check(page)) throw notInventory(inventory);
    items.push(...page.items);
    after = page.next;
  }
  return items;
}

function notInventory({ url }: ServiceAt): AppError {
  return new AppError(
    "SERVICE_UNAVAILABLE",
    `the service at ${url} is not an inventory service of this version: correct INVENTORY_URL`,
  );
}

function chunks<T>(items: readonly T[]): T[][] {
  const count = Math.ceil(items.length / MAX_ITEMS_PER_REQUEST);
  return Array.from({ length: count }, (_, index) =>
    items.slice(index * MAX_ITEMS_PER_REQUEST, (index + 1) * MAX_ITEMS_PER_REQUEST),
  );
}

async function request(
  inventory: ServiceAt,
  method: "GET" | "PUT",
  path: string,
  body?: unknown,
): Promise<unknown> {
  let response: Response;
  let answer: unknown;
  try {
    response = await fetch(new URL(path, inventory.url), {
      method,
      ...(body === undefined
        ? { headers: authorized(inventory) }
        : {
            body: JSON.stringify(body),
            headers: { "content-type": "application/json", ...authorized(inventory) },
          }),
      signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
    });
    const text = await response.text();
    answer = text === "" ? null : JSON.parse(text);
  } catch (error) {
    throw new AppError(
      "SERVICE_UNAVAILABLE",
      `inventory does not answer at ${inventory.url}: start it, or correct INVENTORY_URL`,
      { cause: error },
    );
  }
  if (response.ok) return answer;
  const reason = problem.Check(answer) ? answer : null;
  requireAdmitted("inventory service", response.status, reason?.detail);
  const detail = [
    reason?.title,
    reason?.detail,
    ...(reason?.errors ?? []).slice(0, MAX_FAULTS_SHOWN).map(faultText),
  ];
  const text =
    `inventory rejected the request with HTTP ${response.status} ${detail.filter(Boolean).join(": ")}`.trimEnd();
  if (reason !== null && response.status < 500) throw new InventoryRejected(text, reason);
  throw new AppError(response.status < 500 ? "MESSAGE_INVALID" : "SERVICE_UNAVAILABLE", text);
}

function faultText({ path, message }: NonNullable<Problem["errors"]>[number]): string {
  return `${path} ${message}`;
}
