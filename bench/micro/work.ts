// The CPU work of a checkout in pure code, piece by piece: decisions, reading a message, writing one, sealing. The roles run the same code
// on the same messages. Timed by main.ts, and run once by a test so that every piece keeps working.
import type { StartSaga } from "../../schemas/http.ts";
import { type Decision, decide as decideSaga, startSaga } from "../../internal/orchestrator/saga.ts";
import type { SagaInput } from "../../internal/orchestrator/state.ts";
import { checkoutOf, hashOf } from "../../internal/gateway/checkout-request.ts";
import { decode, envelop } from "../../internal/messaging/envelope.ts";
import { PERMISSIONS } from "../../internal/kernel/permissions.ts";
import { AccessGuard, accessMetrics } from "../../internal/platform/access.ts";
import {
  generateCallerKeys,
  signingKey,
  trustedKeys,
  withCallerKey,
} from "../../internal/platform/caller-keys.ts";
import { systemClock } from "../../internal/platform/clock.ts";
import { CallerCredential, InternalTokens } from "../../internal/platform/internal-tokens.ts";
import { noLog, noMeter } from "../../internal/testkit/noop-telemetry.ts";
import { createOpener, createSealer, generateSealingKeys } from "../../internal/platform/seal.ts";
import { shopCurrencies } from "../../internal/kernel/shop-currencies.ts";
import { decide as decideInventory, type StockItem } from "../../internal/services/inventory/decide.ts";
import { decide as decideOrder } from "../../internal/services/order/decide.ts";
import { decide as decidePayment } from "../../internal/services/payment/decide.ts";
import { chargePayment, createOrder, reserveInventory } from "../../internal/testkit/commands.ts";
import { cartOf } from "../shopper.ts";

/** `run` does the work once and returns a value that depends on it. */
export interface Work {
  readonly group: "decide" | "read" | "write" | "seal" | "gateway" | "access";
  readonly name: string;
  readonly run: () => unknown;
}

const NOW = 1_790_000_000_000;
const SAGA_ID = "01900000-0000-7000-8000-000000000001";
const OCCURRED_AT = "2026-09-21T12:26:40.000Z";
const POLICY = {
  forwardDeadlineMs: 30_000,
  actionDeadlineMs: 300_000,
  resendFirstMs: 10_000,
  resendCapMs: 60_000,
  resendsBeforeOperator: 3,
  authorizeFirst: new Set<string>(),
} as const;
const ORDER_POLICY = { blockedCountries: new Set<string>() } as const;
const PAYMENT_METHOD = "pm_card_visa";

/** Every piece, with its input. */
export async function pieces(): Promise<readonly Work[]> {
  const keys = await generateSealingKeys();
  const [seal, open] = await Promise.all([createSealer(keys.publicJwk), createOpener(keys.privateJwk)]);
  const sealed = seal(PAYMENT_METHOD);
  return [
    ...deciding(sealed),
    ...reading(sealed),
    ...writing(sealed),
    { group: "seal", name: "seal a payment token", run: () => seal(PAYMENT_METHOD) },
    { group: "seal", name: "open a payment token", run: () => open(sealed) },
    ...takingIn(),
    ...(await admitting()),
  ];
}

function deciding(sealed: string): readonly Work[] {
  const request = startOf(sealed);
  const started = startSaga(SAGA_ID, request, NOW, POLICY);
  const reserve = reserveInventory(SAGA_ID, [["tea", 2]]);
  const stock = new Map<string, StockItem>([
    ["tea", { available_count: 1_000, unit_price_cents: 500, currency: "EUR" }],
  ]);
  const charge = chargePayment(SAGA_ID, sealed);
  const order = createOrder(SAGA_ID);
  return [
    {
      group: "decide",
      name: "saga: start a checkout",
      run: () => startSaga(SAGA_ID, request, NOW, POLICY),
    },
    {
      group: "decide",
      name: "saga: all four replies",
      run: () => REPLIES.reduce<Decision>((at, reply) => decideSaga(at.saga, reply, NOW, POLICY), started),
    },
    {
      group: "decide",
      name: "inventory: reserve",
      run: () => decideInventory(null, stock, reserve, NOW, { holdMs: 300_000 }),
    },
    { group: "decide", name: "payment: charge", run: () => decidePayment(null, charge, NOW) },
    { group: "decide", name: "order: create", run: () => decideOrder(null, order, NOW, ORDER_POLICY) },
  ];
}

function reading(sealed: string): readonly Work[] {
  const text = JSON.stringify(chargePayment(SAGA_ID, sealed));
  const parsed: unknown = JSON.parse(text);
  return [
    { group: "read", name: "parse JSON", run: () => JSON.parse(text) as unknown },
    { group: "read", name: "validate", run: () => decode(parsed) },
    { group: "read", name: "parse and validate", run: () => decode(JSON.parse(text)) },
  ];
}

function writing(sealed: string): readonly Work[] {
  const { out } = startSaga(SAGA_ID, startOf(sealed), NOW, POLICY);
  const context = { eventTopic: "inventory-events", newId: () => Bun.randomUUIDv7(), now: NOW } as const;
  return [
    { group: "write", name: "envelope", run: () => envelop(out, context) },
    {
      group: "write",
      name: "envelope and text of an outbox row",
      run: () =>
        JSON.stringify(
          envelop(out, context).map(({ topic, message }) => ({
            event_id: message.message_id,
            topic,
            partition_key: message.saga_id,
            type: message.type,
            payload: message,
          })),
        ),
    },
  ];
}

/** The gateway's work for a request. */
function takingIn(): readonly Work[] {
  const cart = cartOf(["tea"], PAYMENT_METHOD, "EUR");
  const body = JSON.stringify(cart);
  const currencies = shopCurrencies("");
  return [
    { group: "gateway", name: "hash of a checkout", run: () => hashOf(cart) },
    {
      group: "gateway",
      name: "read and validate a checkout",
      run: () =>
        checkoutOf(
          new Request("http://gateway/api/v1/checkout", {
            method: "POST",
            headers: { "content-type": "application/json" },
            body,
          }),
          currencies,
        ),
    },
  ];
}

/** What the token of an internal call costs: per call, and once a minute. */
async function admitting(): Promise<readonly Work[]> {
  const pair = await generateCallerKeys("gateway", "service");
  const key = await signingKey("the key", pair.privateJwk, "service");
  const keys = await trustedKeys(withCallerKey(pair.publicJwk, undefined));
  const credential = new CallerCredential(key, systemClock);
  const headers = { authorization: await credential.header() };
  const request = new Request("http://orchestrator/sagas", { method: "POST", headers });
  const guard = (tokens: InternalTokens) =>
    new AccessGuard({
      tokens,
      permissions: PERMISSIONS.orchestrator,
      metrics: accessMetrics(noMeter),
      log: noLog,
      clock: systemClock,
    });
  const known = guard(new InternalTokens({ keys, clock: systemClock }));
  return [
    { group: "access", name: "header of an internal call", run: () => credential.header() },
    { group: "access", name: "admit an internal call", run: () => known.admit(request, "/sagas") },
    {
      group: "access",
      name: "admit one with a new token",
      run: () => guard(new InternalTokens({ keys, clock: systemClock })).admit(request, "/sagas"),
    },
    {
      group: "access",
      name: "sign a token",
      run: () => new CallerCredential(key, systemClock).header(),
    },
  ];
}

const envelope = {
  message_id: SAGA_ID,
  schema_version: 1,
  saga_id: SAGA_ID,
  occurred_at: OCCURRED_AT,
} as const;

const REPLIES: readonly SagaInput[] = [
  {
    ...envelope,
    type: "InventoryReserved",
    reservation_id: SAGA_ID,
    items: [{ sku_id: "tea", quantity: 2, unit_price_cents: 500, reserved_until: OCCURRED_AT }],
  },
  {
    ...envelope,
    type: "PaymentSucceeded",
    payment_id: SAGA_ID,
    transaction_id: "pi_1",
    amount_cents: 1_000,
    currency: "EUR",
  },
  { ...envelope, type: "ReservationConfirmed", reservation_id: SAGA_ID },
  { ...envelope, type: "OrderCreated", order_id: SAGA_ID, user_id: SAGA_ID, total_cents: 1_000 },
];

function startOf(payment_method: string): StartSaga {
  return {
    user_id: SAGA_ID,
    email: "ada@example.com",
    items: [{ sku_id: "tea", quantity: 2 }],
    currency: "EUR",
    shipping_address: { name: "Ada", line1: "Street 1", city: "Town", postal_code: "1000", country: "DE" },
    payment_method,
    client_key: "k",
    body_hash: "0".repeat(64),
  };
}
