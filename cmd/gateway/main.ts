// The gateway as a process of its own: wiring only. The shopper's side of the checkout.
import { gatewayApp } from "../../internal/gateway/app.ts";
import { Authenticator } from "../../internal/gateway/auth.ts";
import { OrchestratorClient } from "../../internal/gateway/orchestrator-client.ts";
import { systemClock } from "../../internal/platform/clock.ts";
import { runRole } from "../../internal/platform/lifecycle.ts";
import { logThrottled } from "../../internal/platform/log-throttle.ts";
import { createSealer, keyIds } from "../../internal/platform/seal.ts";
import { startHttp } from "../../internal/platform/serve-http.ts";
import { config } from "./config.ts";

await runRole({
  name: "checkout-gateway",
  description: "The shopper's API: takes checkouts and tells how they go.",
  config,
  async start(context) {
    const { config: env, log, ops, resources } = context;
    const seal = await createSealer(env.PAYMENT_PUBLIC_JWK);
    log.info({ key_ids: keyIds(env.PAYMENT_PUBLIC_JWK) }, "seals payment tokens to this key");
    const orchestrator = new OrchestratorClient({ url: env.ORCHESTRATOR_URL });
    ops.addCheck("orchestrator", () => orchestrator.ready());
    const authenticator = new Authenticator({
      hs256Secret: env.JWT_HS256_SECRET,
      issuer: env.JWT_ISSUER,
      audience: env.JWT_AUDIENCE,
      clock: systemClock,
    });
    const logError = logThrottled(log, systemClock);
    const onError = (error: unknown, { method, url }: Request) =>
      logError(error, { method, url }, "a request failed");
    startHttp(context, "api", gatewayApp({ authenticator, orchestrator, seal, onError }));
    // Closed before the API, which waits for the calls that are held open.
    resources.defer("status calls", () => orchestrator[Symbol.dispose]());
  },
});
