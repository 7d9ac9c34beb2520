// Finds by any id: one hit opens its page, several are listed. A product's name leads to the sagas with it.
import type { Sql } from "postgres";
import { within } from "../../operations/ask.ts";
import { idForms } from "../../operations/id-form.ts";
import { alreadyOpen, reached } from "../../operations/reach.ts";
import { SAGA_QUERY_FIELDS } from "../../operations/saga-query.ts";
import { productsNamed } from "../../operations/saga-search-products-store.ts";
import { wordsFound, type WordsFound } from "../../operations/find-words.ts";
import { findAnything } from "../../operations/find-anything.ts";
import { MAX_FIELD_LENGTH } from "../limits.ts";
import { Found, hrefOf } from "../pages/find.tsx";
import { page } from "../respond.ts";
import { seeOther } from "../../web/respond.ts";
import type { SignedIn } from "../visit.ts";
import type { ConsoleRoute } from "./route.ts";

export const findRoutes: readonly ConsoleRoute[] = [
  { method: "GET", path: "/find", name: "find", needs: "viewer", handle: find },
];

const DEAD_LETTERS_MS = 5_000;
const PRODUCTS_MS = 3_000;

async function find(visit: SignedIn): Promise<Response> {
  const { bulk, databases } = visit.options;
  const text = (visit.query.get("q") ?? "").trim().slice(0, MAX_FIELD_LENGTH);
  const { inventory } = databases;
  const found = await findAnything(alreadyOpen(databases), text, bulk.readDeadLetters, {
    withinMs: DEAD_LETTERS_MS,
    onlyOnMiss: true,
  });
  // Several ids of one saga lead to the same page.
  const [first, ...others] = new Set(found.hits.map(hrefOf));
  if (first !== undefined && others.length === 0 && found.missing.length === 0) return seeOther(first);
  if (found.hits.length === 0 && (await namesProducts(inventory, text)))
    return seeOther(`/sagas?${new URLSearchParams({ product: text })}`);
  const words = found.hits.length === 0 ? await wordsIn(inventory, text) : null;
  return page(visit, <Found frame={visit} text={text} found={found} words={words} />, {
    status: found.hits.length === 0 ? 404 : 200,
  });
}

/** Null also while nobody can tell. */
async function wordsIn(inventory: Sql, text: string): Promise<WordsFound | null> {
  if (!mayNameProduct(text)) return null;
  const found = await reached("inventory", () => within(PRODUCTS_MS, () => wordsFound(inventory, text)));
  return "answer" in found ? found.answer : null;
}

function mayNameProduct(text: string): boolean {
  return SAGA_QUERY_FIELDS.product.parse(text)?.product !== undefined && idForms(text).uuid === null;
}

/** False also while nobody can tell. */
async function namesProducts(inventory: Sql, text: string): Promise<boolean> {
  if (!mayNameProduct(text)) return false;
  const named = await reached("inventory", () =>
    within(PRODUCTS_MS, () => productsNamed(inventory, text, 1)),
  );
  return "answer" in named && named.answer.length > 0;
}
