// The cancellations of orders that need an operator.
import { needyCancellations } from "../../operations/cancellation-store.ts";
import { Cancellations } from "../pages/cancellations.tsx";
import { cancellationColumns } from "../parts/cancellation.tsx";
import { cutAt, exported, isExport, page } from "../respond.ts";
import type { SignedIn } from "../visit.ts";
import type { ConsoleRoute } from "./route.ts";

export const cancellationRoutes: readonly ConsoleRoute[] = [
  { method: "GET", path: "/cancellations", name: "cancellations", needs: "viewer", handle: list },
];

const SHOWN = 200;
const EXPORTED = 10_000;

async function list(visit: SignedIn): Promise<Response> {
  const limit = isExport(visit) ? EXPORTED : SHOWN;
  const found = await needyCancellations(visit.options.databases.saga, limit + 1);
  const { rows, cut } = cutAt(found, limit);
  return (
    exported(visit, "cancellations", cancellationColumns(visit.now), rows, cut) ??
    page(visit, <Cancellations frame={visit} cancellations={rows} hasMore={cut !== null} />)
  );
}
