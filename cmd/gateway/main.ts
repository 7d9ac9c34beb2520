// Starts the gateway: the shoppers' API and the storefront. Wiring only.
import { gatewayApp } from "../../internal/gateway/app.ts";
import { EventStreams } from "../../internal/gateway/event-streams.ts";
import { InventoryClient } from "../../internal/gateway/inventory-client.ts";
import { OrchestratorClient } from "../../internal/gateway/orchestrator-client.ts";
import { OrderClient } from "../../internal/gateway/order-client.ts";
import { PaymentClient } from "../../internal/gateway/payment-client.ts";
import { GatewayShopData } from "../../internal/gateway/shop-data.ts";
import { HeadSampling } from "../../internal/gateway/head-sampling.ts";
import { RequestTraces } from "../../internal/gateway/request-traces.ts";
import { site } from "../../internal/gateway/site.ts";
import { StreamSlots } from "../../internal/gateway/stream-slots.ts";
import { httpMetrics, streamMetrics } from "../../internal/gateway/telemetry.ts";
import { shopCurrencies } from "../../internal/kernel/shop-currencies.ts";
import { signingKey } from "../../internal/platform/caller-keys.ts";
import { traceFields } from "../../internal/kernel/telemetry.ts";
import { systemClock } from "../../internal/platform/clock.ts";
import { CallerCredential } from "../../internal/platform/internal-tokens.ts";
import { runRole } from "../../internal/platform/lifecycle.ts";
import { logThrottled } from "../../internal/platform/log-throttle.ts";
import { openRedis, redisOf } from "../../internal/platform/redis.ts";
import { createSealer, keyIds } from "../../internal/platform/seal.ts";
import { startHttp } from "../../internal/platform/serve-http.ts";
import { watchRedis } from "../../internal/platform/watch-redis.ts";
import { storefrontMetrics } from "../../internal/storefront/telemetry.ts";
import { config, faultsOf } from "./config.ts";
import { openLimits } from "./limits.ts";
import { storefront } from "./storefront.ts";
import { openAuthenticator } from "./tokens.ts";

/** On a busy machine an answer takes longer than the 50 ms that a consumer waits. A Redis that hangs costs one request this time. */
const REDIS_TIMEOUT_MS = 250;

await runRole({
  name: "checkout-gateway",
  description:
    "The shop: its pages, and the shoppers' API, which accepts checkouts and reports their status.",
  config,
  faults: faultsOf,
  async start(context) {
    const { config: env, log, metrics, tracer, ops, resources } = context;
    const seal = await createSealer(env.PAYMENT_PUBLIC_JWK);
    log.info({ key_ids: keyIds(env.PAYMENT_PUBLIC_JWK) }, "the gateway seals payment tokens with this key");
    const key = await signingKey("GATEWAY_PRIVATE_JWK", env.GATEWAY_PRIVATE_JWK, "service");
    log.info({ kid: key.kid, issuer: key.issuer }, "the gateway proves itself to the services with this key");
    const at = (address: string) => ({ url: address, credential: new CallerCredential(key, systemClock) });
    const orchestrator = new OrchestratorClient({ ...at(env.ORCHESTRATOR_URL), tracer });
    const traces = new RequestTraces({
      tracer,
      sampling: new HeadSampling({
        ratio: env.TRACE_SAMPLE_RATIO,
        askedPerSecond: env.TRACE_ASKED_PER_SECOND,
        random: Math.random,
        monotonic: () => performance.now(),
      }),
      metrics: httpMetrics(metrics),
    });
    ops.addCheck("orchestrator", () => orchestrator.ready());
    const redis = resources.use(
      "redis",
      openRedis({ ...redisOf(env), timeoutMs: REDIS_TIMEOUT_MS, log, metrics }),
    );
    watchRedis(context, redis);
    await redis.requireSingleServer();
    const authenticator = await openAuthenticator(context, redis);
    const logError = logThrottled(log, systemClock);
    const currencies = shopCurrencies(env.SHOP_CURRENCIES);
    // Without its query, which may hold a secret of a payment, of a link or of a session.
    const onError = (error: unknown, request: Request) => {
      const { method, url } = request;
      const fields = { method, path: new URL(url).pathname, ...traceFields(traces.contextOf(request)) };
      logError(error, fields, "a request failed");
    };
    const total = env.MAX_EVENT_STREAMS;
    const slots = {
      stream: new StreamSlots({ total, metrics: streamMetrics(metrics, (): number => slots.stream.size) }),
      poll: new StreamSlots({ total }),
    };
    const limits = openLimits(context, { redis, authenticator, onError });
    const services = {
      orchestrator,
      inventory: new InventoryClient(at(env.INVENTORY_URL)),
      orders: new OrderClient(at(env.ORDER_URL)),
      payment: env.PAYMENT_URL === undefined ? undefined : new PaymentClient(at(env.PAYMENT_URL)),
      seal,
      currencies,
      limits,
      traces,
      clock: systemClock,
    };
    const api = gatewayApp({
      ...services,
      authenticator,
      streams: new EventStreams({ orchestrator, slots: slots.stream }),
      corsOrigins: env.CORS_ORIGINS?.split(","),
      onError,
    });
    const data = new GatewayShopData({ ...services, slots });
    const onRoute = traces.routed.bind(traces);
    const shared = { onRoute, data, authenticator, limits, counts: storefrontMetrics(metrics), onError };
    startHttp(context, "api", site(api, storefront(env, shared), traces));
    // Closed before the API: the API waits for open calls.
    resources.defer("status calls", () => orchestrator[Symbol.dispose]());
    resources.defer("event streams", () => {
      for (const each of Object.values(slots)) each[Symbol.dispose]();
    });
  },
});
