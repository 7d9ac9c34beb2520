// Starts the gateway: the shoppers' API and the storefront. Wiring only.
import { gatewayApp } from "../../internal/gateway/app.ts";
import { EventStreams } from "../../internal/gateway/event-streams.ts";
import { GatewayShopData } from "../../internal/gateway/shop-data.ts";
import { site } from "../../internal/gateway/site.ts";
import { StreamSlots } from "../../internal/gateway/stream-slots.ts";
import { streamMetrics } from "../../internal/gateway/telemetry.ts";
import { shopCurrencies } from "../../internal/kernel/shop-currencies.ts";
import { systemClock } from "../../internal/platform/clock.ts";
import { runRole } from "../../internal/platform/lifecycle.ts";
import { openRedis, redisOf } from "../../internal/platform/redis.ts";
import { startHttp } from "../../internal/platform/serve-http.ts";
import { watchRedis } from "../../internal/platform/watch-redis.ts";
import { storefrontMetrics } from "../../internal/storefront/telemetry.ts";
import { config, faultsOf } from "./config.ts";
import { openLimits } from "./limits.ts";
import { openServices } from "./services.ts";
import { storefront } from "./storefront.ts";
import { openAuthenticator } from "./tokens.ts";
import { logFailures, openTraces } from "./traces.ts";

/** On a busy machine an answer takes longer than the 50 ms that a consumer waits. A Redis that hangs costs one request this time. */
const REDIS_TIMEOUT_MS = 250;

await runRole({
  name: "checkout-gateway",
  description:
    "The shop: its pages, and the shoppers' API, which accepts checkouts and reports their status.",
  config,
  faults: faultsOf,
  async start(context) {
    const { config: env, log, metrics, resources } = context;
    const services = await openServices(context);
    const traces = openTraces(context);
    const onError = logFailures(context, traces);
    const redis = resources.use(
      "redis",
      openRedis({ ...redisOf(env), timeoutMs: REDIS_TIMEOUT_MS, log, metrics }),
    );
    watchRedis(context, redis);
    await redis.requireSingleServer();
    const authenticator = await openAuthenticator(context, redis);
    const limits = openLimits(context, { redis, authenticator, onError });
    const total = env.MAX_EVENT_STREAMS;
    const slots = {
      stream: new StreamSlots({ total, metrics: streamMetrics(metrics, (): number => slots.stream.size) }),
      poll: new StreamSlots({ total }),
    };
    const parts = {
      ...services,
      currencies: shopCurrencies(env.SHOP_CURRENCIES),
      limits,
      traces,
      clock: systemClock,
    };
    const api = gatewayApp({
      ...parts,
      authenticator,
      streams: new EventStreams({ orchestrator: services.orchestrator, slots: slots.stream }),
      corsOrigins: env.CORS_ORIGINS?.split(","),
      onError,
    });
    const shop = storefront(env, {
      data: new GatewayShopData({ ...parts, slots }),
      authenticator,
      limits,
      counts: storefrontMetrics(metrics),
      onError,
      onRoute: traces.routed.bind(traces),
    });
    startHttp(context, "api", site(api, shop, traces));
    // Closed before the API: the API waits for open calls.
    resources.defer("status calls", () => services.orchestrator[Symbol.dispose]());
    resources.defer("event streams", () => {
      for (const each of Object.values(slots)) each[Symbol.dispose]();
    });
  },
});
