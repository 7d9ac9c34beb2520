// The internal API of the payment service, for the gateway: the bank's page for a payment that waits for its shopper, and "look again",
// when the shopper comes back. It has its own listener, because the one of the webhooks is reachable from outside. The address of the
// page holds a secret: it is asked for each time, and neither stored nor logged. Served by cmd/payment.
import { Value } from "@sinclair/typebox/value";
import { Elysia } from "elysia";
import { Uuid } from "../../../../schemas/fields.ts";
import type { PaymentAction, PaymentApiFault, PaymentCheck } from "../../../../schemas/http.ts";
import { type Access, Denied } from "../../../kernel/actor.ts";
import { AppError } from "../../../kernel/errors.ts";
import type { Clock } from "../../../kernel/ports.ts";
import { timestampOf } from "../../../kernel/timestamp.ts";
import type { Database } from "../../../messaging/database.ts";
import type { PaymentProvider } from "../providers/provider.ts";
import { lookUpSoon, openAction } from "./action-store.ts";

/** The shortest time between two look-ups of one payment that shoppers ask for. */
export const LOOK_UP_PAUSE_MS = 2_000;
const RETRY_AFTER_SECONDS = 2;

export interface ShopperApiOptions {
  readonly access: Access;
  readonly database: Pick<Database, "sql" | "faultOf">;
  readonly clock: Clock;
  readonly providerOf: (name: string) => Pick<PaymentProvider, "actionOf">;
  /** Called after a change that gives the executor something to do. */
  readonly wakeExecutor: () => void;
  /** Called with errors that the caller did not cause. */
  readonly onError: (error: unknown) => void;
}

export function shopperApi(options: ShopperApiOptions) {
  const { access, database, onError } = options;
  return new Elysia()
    .onError(({ error, code }) => {
      if (error instanceof Denied)
        return answer(error.status === 401 ? "UNAUTHENTICATED" : "FORBIDDEN", error.message);
      if (code === "NOT_FOUND") return answer("INVALID_REQUEST");
      onError(error);
      const passes = (error instanceof AppError && error.canRetry) || database.faultOf(error) !== "other";
      return answer(passes ? "UNAVAILABLE" : "INTERNAL");
    })
    .resolve(async ({ request, route }) => ({ actor: await access.admit(request, route) }))
    .get("/payments/:saga_id/action", ({ params }) => action(options, params.saga_id))
    .post("/payments/:saga_id/check", ({ params }) => check(options, params.saga_id), { parse: "none" });
}

async function action(options: ShopperApiOptions, sagaId: string): Promise<Response> {
  if (!Value.Check(Uuid, sagaId)) return answer("INVALID_REQUEST");
  const { database, clock, providerOf } = options;
  const open = await openAction(database.sql, sagaId, clock.now());
  if (open === undefined) return answer("NO_OPEN_ACTION");
  const found = await providerOf(open.provider).actionOf(open.provider_txn_id);
  if (found.kind === "redirect") {
    const body: PaymentAction = {
      kind: "redirect",
      url: found.url,
      expires_at: timestampOf(open.expires_at),
    };
    return Response.json(body, { headers: { "cache-control": "no-store" } });
  }
  if (found.kind !== "none") return answer("UNAVAILABLE");
  // The provider knows more than we do.
  await lookUp(options, sagaId);
  return answer("NO_OPEN_ACTION");
}

async function check(options: ShopperApiOptions, sagaId: string): Promise<Response> {
  if (!Value.Check(Uuid, sagaId)) return answer("INVALID_REQUEST");
  const body: PaymentCheck = { checking: await lookUp(options, sagaId) };
  return Response.json(body);
}

async function lookUp(
  { database, clock, wakeExecutor }: ShopperApiOptions,
  sagaId: string,
): Promise<boolean> {
  const isDue = await lookUpSoon(database.sql, sagaId, clock.now(), LOOK_UP_PAUSE_MS);
  if (isDue) wakeExecutor();
  return isDue;
}

const STATUS_OF: Readonly<Record<PaymentApiFault["error"], number>> = {
  NO_OPEN_ACTION: 404,
  UNAUTHENTICATED: 401,
  FORBIDDEN: 403,
  INVALID_REQUEST: 422,
  UNAVAILABLE: 503,
  INTERNAL: 500,
};

function answer(error: PaymentApiFault["error"], detail?: string): Response {
  const headers: Record<string, string> = { "cache-control": "no-store" };
  if (error === "UNAVAILABLE") headers["retry-after"] = String(RETRY_AFTER_SECONDS);
  if (error === "UNAUTHENTICATED") headers["www-authenticate"] = "Bearer";
  const fault: PaymentApiFault = { error, ...(detail === undefined ? {} : { detail }) };
  return Response.json(fault, { status: STATUS_OF[error], headers });
}
