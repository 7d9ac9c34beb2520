// Finds by any id: one hit opens its page, several are listed.
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

async function find(visit: SignedIn): Promise<Response> {
  const { bulk, databases } = visit.options;
  const text = (visit.query.get("q") ?? "").trim().slice(0, MAX_FIELD_LENGTH);
  const { saga, inventory, payment, order } = databases;
  const open = { saga: () => saga, inventory: () => inventory, payment: () => payment, order: () => order };
  const found = await findAnything(open, text, bulk.readDeadLetters, {
    withinMs: DEAD_LETTERS_MS,
    onlyOnMiss: true,
  });
  // Several ids of one saga lead to the same page.
  const [first, ...others] = new Set(found.hits.map(hrefOf));
  if (first !== undefined && others.length === 0 && found.missing.length === 0) return seeOther(first);
  return page(visit, <Found frame={visit} text={text} found={found} />, {
    status: found.hits.length === 0 ? 404 : 200,
  });
}
