// Finds by any id: one hit opens its page.
import { Value } from "@sinclair/typebox/value";
import { Uuid } from "../../../schemas/fields.ts";
import { findOrder } from "../../operations/order-store.ts";
import { findSaga } from "../../operations/saga-store.ts";
import { NothingFound } from "../pages/find.tsx";
import { page, seeOther } from "../respond.ts";
import type { SignedIn } from "../visit.ts";
import type { ConsoleRoute } from "./route.ts";

export const findRoutes: readonly ConsoleRoute[] = [
  { method: "GET", path: "/find", name: "find", needs: "viewer", handle: find },
];

async function find(visit: SignedIn): Promise<Response> {
  const text = (visit.query.get("q") ?? "").trim().slice(0, 200);
  const { saga, order } = visit.options.databases;
  if (Value.Check(Uuid, text)) {
    if ((await findSaga(saga, text)) !== undefined) return seeOther(`/sagas/${text}`);
    const found = await findOrder(order, text);
    if (found !== undefined) return seeOther(`/sagas/${found.saga_id}`);
  }
  return page(visit, <NothingFound frame={visit} text={text} />, { status: 404 });
}
