// The stock of one product.
import { reservationsOf, stockOf } from "../../operations/stock-store.ts";
import { reservationColumns, StockPage } from "../pages/stock.tsx";
import { notFound } from "../problem.ts";
import { cutAt, exported, isExport, page } from "../respond.ts";
import type { SignedIn } from "../visit.ts";
import type { ConsoleRoute } from "./route.ts";

export const stockRoutes: readonly ConsoleRoute[] = [
  { method: "GET", path: "/stock/:sku", name: "stock", needs: "viewer", handle: stock },
];

const SHOWN = 100;
const EXPORTED = 5_000;

async function stock(visit: SignedIn): Promise<Response> {
  const { params, options, now } = visit;
  const sku = params["sku"] ?? "";
  const { inventory } = options.databases;
  const limit = isExport(visit) ? EXPORTED : SHOWN;
  const [found, newest] = await Promise.all([
    stockOf(inventory, sku),
    reservationsOf(inventory, sku, limit + 1),
  ]);
  if (found === undefined) throw notFound(`There is no product ${sku.slice(0, 100)}.`);
  const { rows: reservations, cut } = cutAt(newest, limit);
  return (
    exported(visit, "reservations", reservationColumns(now), reservations, cut) ??
    page(visit, <StockPage frame={visit} stock={found} reservations={reservations} />)
  );
}
