// Fixtures for the gateway's tests: valid and invalid tokens, and a shopper's checkout request.
import { SignJWT } from "jose";
import type { CheckoutRequest } from "../../schemas/http.ts";
import { EventStreams } from "../gateway/event-streams.ts";
import { InventoryClient } from "../gateway/inventory-client.ts";
import { OrchestratorClient } from "../gateway/orchestrator-client.ts";
import { StreamSlots } from "../gateway/stream-slots.ts";
import { OrderClient } from "../gateway/order-client.ts";
import { Authenticator, type AuthOptions } from "../gateway/auth.ts";
import { SharedSecret } from "../gateway/token-keys.ts";
import type { Clock } from "../kernel/ports.ts";
import { gatewayCredential } from "./callers.ts";

export const JWT_SECRET = "a secret of more than thirty-two characters";
export const SHOPPER = "01890000-0000-7000-8000-00000000000a";
export const STRANGER = "01890000-0000-7000-8000-00000000000b";

export const realClock: Clock = { now: () => Date.now() };

/** Nothing listens there. */
const NOWHERE = "http://127.0.0.1:9";

/** The services behind a gateway, wired as in cmd/gateway. Those without an address are away. */
export function servicesAt(urls: {
  readonly orchestrator?: string;
  readonly inventory?: string;
  readonly order?: string;
}) {
  const at = (url = NOWHERE) => ({ url, credential: gatewayCredential() });
  const orchestrator = new OrchestratorClient(at(urls.orchestrator));
  const slots = new StreamSlots({ total: 100 });
  return {
    orchestrator,
    inventory: new InventoryClient(at(urls.inventory)),
    orders: new OrderClient(at(urls.order)),
    slots,
    streams: new EventStreams({ orchestrator, slots }),
    clock: realClock,
  };
}

export interface TokenParts {
  /** Claims in addition to `sub` and `exp`; undefined removes one. */
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly secret?: string;
  readonly algorithm?: string;
  /** `typ`, `JWT` if it is left out; undefined removes it. */
  readonly type?: string | undefined;
}

/** A shopper's token that is valid for an hour, unless `claims` changes that. */
export function tokenOf(
  userId: string,
  { claims = {}, secret = JWT_SECRET, algorithm = "HS256", ...parts }: TokenParts = {},
) {
  const now = Math.floor(Date.now() / 1_000);
  return new SignJWT({ sub: userId, exp: now + 3_600, ...claims })
    .setProtectedHeader({
      alg: algorithm,
      ...("type" in parts ? (parts.type === undefined ? {} : { typ: parts.type }) : { typ: "JWT" }),
    })
    .sign(new TextEncoder().encode(secret));
}

/** Accepts the tokens of `tokenOf`. */
export function authenticatorOf(options: Partial<AuthOptions> = {}): Authenticator {
  return new Authenticator({ keys: new SharedSecret(JWT_SECRET), clock: realClock, ...options });
}

/** A checkout of two teas for Ada. */
export function cart(overrides: Partial<CheckoutRequest> = {}): CheckoutRequest {
  return {
    items: [{ sku_id: "tea", quantity: 2 }],
    currency: "EUR",
    email: "ada@example.com",
    payment_method: "pm_card_visa",
    shipping_address: { name: "Ada", line1: "Street 1", city: "Town", postal_code: "10115", country: "DE" },
    ...overrides,
  };
}
