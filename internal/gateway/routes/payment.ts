// A shopper whose bank wants the payment confirmed: GET /api/v1/saga/:id/action says where the bank's page is, POST
// /api/v1/saga/:id/check that the shopper is back, POST /api/v1/saga/:id/extend that they need more time. Only the checkout's owner may
// ask, which the orchestrator knows. Composed by app.ts.
import { Uuid } from "../../../schemas/fields.ts";
import { ActionExtended, PaymentAction, PaymentCheck } from "../../../schemas/http.ts";
import type { OrchestratorClient } from "../orchestrator-client.ts";
import type { PaymentClient } from "../payment-client.ts";
import { ProblemError } from "../problem.ts";
import { NO_STORE, idOf } from "./reading.ts";
import type { Route, ShopperCall } from "./route.ts";

export interface PaymentOptions {
  readonly orchestrator: Pick<OrchestratorClient, "status" | "extendAction">;
  /** Without it there is never anything to confirm. */
  readonly payment?: PaymentClient | undefined;
}

const params = { id: { description: "`saga_id` of the checkout.", schema: Uuid } };

export function paymentRoutes(options: PaymentOptions): readonly Route[] {
  return [
    {
      method: "GET",
      path: "/api/v1/saga/:id/action",
      operationId: "paymentAction",
      tag: "checkout",
      summary: "Where the shopper confirms the payment",
      description:
        "The page of the shopper's bank, while the status has a `next_action`. Send the shopper there; the bank sends them back. The address is a secret of this payment: do not store it.",
      access: "shopper",
      params,
      answers: {
        200: {
          description: "The bank's page.",
          schema: PaymentAction,
          headers: NO_STORE,
        },
      },
      problems: ["not-found"],
      handle: (call) => action(options, call),
    },
    {
      method: "POST",
      path: "/api/v1/saga/:id/check",
      operationId: "checkPayment",
      tag: "checkout",
      summary: "Look the payment up now",
      description:
        "Call it when the shopper is back from the bank, so that the checkout need not wait for the provider's own report. Harmless at any other time.",
      access: "shopper",
      params,
      answers: {
        200: {
          description: "Whether the payment is looked up.",
          schema: PaymentCheck,
          headers: NO_STORE,
        },
      },
      problems: ["not-found"],
      handle: (call) => check(options, call),
    },
    {
      method: "POST",
      path: "/api/v1/saga/:id/extend",
      operationId: "extendAction",
      tag: "checkout",
      summary: "Give the shopper more time to confirm",
      description:
        "Once, while the `next_action` of the status is `extendable`. The checkout then waits as long again, but not longer than the bank and the shop allow, and its items are held for as long. Harmless to repeat: the answer is the same.",
      access: "shopper",
      params,
      answers: {
        200: {
          description: "Until when the checkout waits now.",
          schema: ActionExtended,
          headers: NO_STORE,
        },
      },
      problems: ["not-found", "not-extendable"],
      handle: (call) => extend(options, call),
    },
  ];
}

async function action(options: PaymentOptions, call: ShopperCall): Promise<PaymentAction> {
  const sagaId = await ownSaga(options, call);
  const found = (await options.payment?.action(sagaId)) ?? null;
  if (found === null) throw new ProblemError("not-found", { detail: "there is nothing to confirm" });
  call.set.headers["cache-control"] = "no-store";
  call.set.headers["referrer-policy"] = "no-referrer";
  return found;
}

async function check(options: PaymentOptions, call: ShopperCall): Promise<PaymentCheck> {
  const sagaId = await ownSaga(options, call);
  call.set.headers["cache-control"] = "no-store";
  return (await options.payment?.check(sagaId)) ?? { checking: false };
}

async function extend(
  { orchestrator }: PaymentOptions,
  { params: { id }, userId, set }: ShopperCall,
): Promise<ActionExtended> {
  const extended = await orchestrator.extendAction(idOf(id), userId);
  if (extended === null) throw new ProblemError("not-found");
  set.headers["cache-control"] = "no-store";
  return extended;
}

/** The saga's id, if it is this shopper's. Another user's saga looks exactly like a missing one. */
async function ownSaga(
  { orchestrator }: PaymentOptions,
  { params: { id }, request, userId }: ShopperCall,
): Promise<string> {
  const sagaId = idOf(id);
  const view = await orchestrator.status(sagaId, userId, { waitMs: 0, signal: request.signal });
  if (view === null) throw new ProblemError("not-found");
  return sagaId;
}
