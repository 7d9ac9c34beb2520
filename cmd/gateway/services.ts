// The services behind this gateway, from its settings, and the keys with which it calls them. Called by main.ts.
import { InventoryClient } from "../../internal/gateway/inventory-client.ts";
import { OrchestratorClient } from "../../internal/gateway/orchestrator-client.ts";
import { OrderClient } from "../../internal/gateway/order-client.ts";
import { PaymentClient } from "../../internal/gateway/payment-client.ts";
import { signingKey } from "../../internal/platform/caller-keys.ts";
import { systemClock } from "../../internal/platform/clock.ts";
import { CallerCredential } from "../../internal/platform/internal-tokens.ts";
import type { RoleContext } from "../../internal/platform/lifecycle.ts";
import { createSealer, keyIds } from "../../internal/platform/seal.ts";
import type { Config } from "./config.ts";

/** The gateway is ready only while the orchestrator is: it is what accepts checkouts. */
export async function openServices({ config: env, log, tracer, ops }: RoleContext<Config>) {
  const seal = await createSealer(env.PAYMENT_PUBLIC_JWK);
  log.info({ key_ids: keyIds(env.PAYMENT_PUBLIC_JWK) }, "the gateway seals payment tokens with this key");
  const key = await signingKey("GATEWAY_PRIVATE_JWK", env.GATEWAY_PRIVATE_JWK, "service");
  log.info({ kid: key.kid, issuer: key.issuer }, "the gateway proves itself to the services with this key");
  const at = (address: string) => ({ url: address, credential: new CallerCredential(key, systemClock) });
  const orchestrator = new OrchestratorClient({ ...at(env.ORCHESTRATOR_URL), tracer });
  ops.addCheck("orchestrator", () => orchestrator.ready());
  return {
    orchestrator,
    inventory: new InventoryClient(at(env.INVENTORY_URL)),
    orders: new OrderClient(at(env.ORDER_URL)),
    payment: env.PAYMENT_URL === undefined ? undefined : new PaymentClient(at(env.PAYMENT_URL)),
    seal,
  };
}
