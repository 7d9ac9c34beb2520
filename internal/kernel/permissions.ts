// Who may call which route of our internal interfaces. A route that is not here is refused to everybody (platform/access.ts), and a test
// compares the table with the routes of each API (platform/access.unit.test.ts).
import type { ActorRole } from "./actor.ts";

const READ: readonly ActorRole[] = ["service", "viewer", "operator"];
/** Names and prices of products are shown to everybody anyway. */
const READ_CATALOGUE: readonly ActorRole[] = [...READ, "reader"];
/** For shoppers, whom only the gateway knows. */
const FOR_SHOPPERS: readonly ActorRole[] = ["service"];
const OPERATE: readonly ActorRole[] = ["operator"];

export type InternalApiName = "orchestrator" | "inventory" | "order" | "payment";
export type Permissions = Readonly<Record<string, readonly ActorRole[]>>;

export const PERMISSIONS: Readonly<Record<InternalApiName, Permissions>> = {
  orchestrator: {
    // Open, it says nothing but "ok". Whoever shows a token hears whether it counts: a gateway with a wrong key is not ready.
    "GET /ready": READ,
    "POST /sagas": FOR_SHOPPERS,
    "POST /sagas/find": FOR_SHOPPERS,
    "POST /sagas/:id/extend-action": FOR_SHOPPERS,
    "POST /sagas/:id/cancel": OPERATE,
    // A service only for the shopper whose order it is: the API checks that.
    "POST /sagas/:id/cancel-order": ["service", "operator"],
    "POST /sagas/:id/trace": OPERATE,
    "GET /sagas": READ,
    "GET /sagas/:id": READ,
    "GET /sagas/:id/history": READ,
  },
  inventory: {
    "GET /catalogue": READ_CATALOGUE,
    "GET /catalogue/:sku_id": READ_CATALOGUE,
    "PUT /catalogue": OPERATE,
  },
  order: {
    // With the shopper's address, which operators see only where the look is audited.
    "GET /orders": FOR_SHOPPERS,
    "GET /orders/:id": FOR_SHOPPERS,
    "POST /orders/:id/ship": OPERATE,
    "POST /orders/:id/deliver": OPERATE,
  },
  payment: {
    // The address of the bank's page holds a secret.
    "GET /payments/:saga_id/action": FOR_SHOPPERS,
    "POST /payments/:saga_id/check": FOR_SHOPPERS,
  },
};
