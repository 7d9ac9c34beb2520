// The gateway as a process of its own: wiring only. The shopper's side of the checkout.
import { Type } from "@sinclair/typebox";
import { gatewayApp } from "../../internal/gateway/app.ts";
import { Authenticator } from "../../internal/gateway/auth.ts";
import { OrchestratorClient } from "../../internal/gateway/orchestrator-client.ts";
import { commonConfig, secret, servedNamesConfig } from "../../internal/platform/config.ts";
import { systemClock } from "../../internal/platform/consuming-role.ts";
import { runRole } from "../../internal/platform/lifecycle.ts";
import { logThrottled } from "../../internal/platform/log-throttle.ts";
import { createSealer, keyIds } from "../../internal/platform/seal.ts";
import { serveHttp } from "../../internal/platform/serve-http.ts";

const config = Type.Object({
  ...commonConfig,
  HOST: Type.String({ default: "127.0.0.1", minLength: 1, description: "address the API listens on" }),
  PORT: Type.Integer({ minimum: 0, maximum: 65_535, description: "port of the API" }),
  ...servedNamesConfig,
  ORCHESTRATOR_URL: Type.String({ format: "url", description: "the orchestrator's API" }),
  JWT_HS256_SECRET: secret(
    Type.String({ format: "shared-secret", description: "secret that signs the shoppers' tokens" }),
  ),
  JWT_ISSUER: Type.Optional(Type.String({ description: "tokens of other issuers are refused" })),
  JWT_AUDIENCE: Type.Optional(Type.String({ description: "tokens for other audiences are refused" })),
  // Read by Bun itself, at start only; that it is set here is all this role can check.
  BUN_CONFIG_MAX_HTTP_REQUESTS: Type.Integer({
    minimum: 1_024,
    maximum: 65_535,
    description:
      "calls to the orchestrator at once; one for each shopper who waits for a saga. Bun's own limit of 256 would let these keep others from checking out",
  }),
  PAYMENT_PUBLIC_JWK: Type.String({
    minLength: 2,
    description: "public key (JWK) of the payment service; `checkoutctl keys generate` makes a pair",
  }),
});

await runRole({
  name: "checkout-gateway",
  description: "The shopper's API: takes checkouts and tells how they go.",
  config,
  async start({ config: env, log, ops, resources }) {
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
    const app = gatewayApp({ authenticator, orchestrator, seal, onError });
    const server = resources.use(
      "api",
      serveHttp(app, { hostname: env.HOST, port: env.PORT, names: env.SERVED_NAMES }),
    );
    // Closed before the API, which waits for the calls that are held open.
    resources.defer("status calls", () => orchestrator[Symbol.dispose]());
    log.info({ port: server.port }, "listening");
  },
});
