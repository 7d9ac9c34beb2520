// Finds a shopper by e-mail. A POST, so that the e-mail stands in no address, log or history; kept in the audit trail like a look at personal
// data, without the e-mail: viewers read the trail, too, and it is not erased with the shopper.
import { Value } from "@sinclair/typebox/value";
import { Email, ERASED } from "../../../schemas/fields.ts";
import { maskedEmail } from "../../operations/shopper-mask.ts";
import { shoppersWithEmail } from "../../operations/shopper-store.ts";
import { reasonOf } from "../acts.ts";
import { record } from "../audit.ts";
import { Shoppers } from "../pages/shoppers.tsx";
import { sagasOfShopper } from "../parts/find-shopper.tsx";
import { badRequest } from "../problem.ts";
import { page } from "../respond.ts";
import { seeOther } from "../../web/respond.ts";
import type { SignedIn } from "../visit.ts";
import type { ConsoleRoute } from "./route.ts";

export const shopperRoutes: readonly ConsoleRoute[] = [
  { method: "POST", path: "/shoppers/find", name: "shopper_find", needs: "operator", handle: find },
];

async function find(visit: SignedIn): Promise<Response> {
  const email = (visit.form.get("email") ?? "").trim();
  const reason = reasonOf(visit);
  if (!Value.Check(Email, email)) throw badRequest("Give the whole e-mail address, such as ada@example.com.");
  // Of all erased shoppers: of nobody.
  const found =
    email.toLowerCase() === ERASED.email ? [] : await shoppersWithEmail(visit.options.databases.saga, email);
  const [first, ...others] = found;
  const masked = maskedEmail(email);
  await record(visit, {
    action: "shopper.find",
    subject: first !== undefined && others.length === 0 ? first.user_id : "an e-mail",
    reason,
    outcome: first === undefined ? "not found" : "found",
    parameters: { shoppers: found.length },
  });
  if (first !== undefined && others.length === 0) return seeOther(sagasOfShopper(first.user_id));
  return page(visit, <Shoppers frame={visit} masked={masked} found={found} />, {
    status: found.length === 0 ? 404 : 200,
  });
}
