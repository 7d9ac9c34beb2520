// `bun bench/micro/gateway.ts`: CPU of the gateway per request, without sockets: its app with every hook, limits counted in memory, and
// services that answer at once. Run it for two versions in turn. Results are in docs/performance.md.
import { gatewayApp } from "../../internal/gateway/app.ts";
import { EventStreams } from "../../internal/gateway/event-streams.ts";
import { GatewayLimits } from "../../internal/gateway/limits/hooks.ts";
import { LocalLimitStore } from "../../internal/gateway/limits/local-limit-store.ts";
import { limitMetrics, RateLimits } from "../../internal/gateway/limits/rate-limits.ts";
import { SecondCap } from "../../internal/gateway/limits/second-cap.ts";
import { ShoppingLimits } from "../../internal/gateway/limits/shopping-limits.ts";
import { RequestTraces } from "../../internal/gateway/request-traces.ts";
import { site } from "../../internal/gateway/site.ts";
import { httpMetrics } from "../../internal/gateway/telemetry.ts";
import { noTracer } from "../../internal/kernel/telemetry.ts";
import { StreamSlots } from "../../internal/gateway/stream-slots.ts";
import { shopCurrencies } from "../../internal/kernel/shop-currencies.ts";
import { systemClock } from "../../internal/platform/clock.ts";
import { Metrics } from "../../internal/platform/metrics.ts";
import { createSealer, generateSealingKeys } from "../../internal/platform/seal.ts";
import { authenticatorOf, servicesAt, tokenOf } from "../../internal/testkit/gateway.ts";
import { cartOf } from "../shopper.ts";
import { OUT_OF_REACH } from "./out-of-reach.ts";

const CALLS = 30_000;
const WARM_UP_CALLS = 5_000;
const SAGA = "01900000-0000-7000-8000-000000000001";
const USER = "01900000-0000-7000-8000-00000000000a";
const AT = "2026-09-21T12:26:40.000Z";
const VIEW = {
  saga_id: SAGA,
  status: "COMPLETED",
  current_step: null,
  compensation_step: null,
  failure_code: null,
  order_id: SAGA,
  total_cents: 1_000,
  currency: "EUR",
  created_at: AT,
  updated_at: AT,
  completed_at: AT,
};
const PRODUCTS = Array.from({ length: 50 }, (_, index) => ({
  sku_id: `tea-${index}`,
  name: "Grüner Tee – Blätter",
  unit_price_cents: 500,
  currency: "EUR",
  available_count: 100,
  description: "Ein Tee für jeden Morgen. ".repeat(20),
}));

const services = servicesAt({});
Object.assign(services.orchestrator, {
  startSaga: async () => ({ saga_id: SAGA, replayed: false }),
  status: async () => VIEW,
});
Object.assign(services.inventory, { page: async () => ({ items: PRODUCTS, next: null }) });
const { publicJwk } = await generateSealingKeys();
const WINDOW_MS = 60_000;
const clock = systemClock;
/** Instead of Redis, whose share bench/micro/limits.ts measures. */
class NoRedis extends LocalLimitStore {
  async increment(): Promise<readonly [number, number]> {
    return [1, WINDOW_MS];
  }
}
const shared = {
  store: new NoRedis(clock),
  settings: OUT_OF_REACH,
  metrics: limitMetrics(new Metrics()),
  clock,
};
const authenticator = authenticatorOf();
const noCap = new SecondCap(0, () => 0);
const limits = new GatewayLimits({
  ...shared,
  rates: new RateLimits(shared),
  shopping: new ShoppingLimits(shared),
  total: noCap,
  totalCheckouts: noCap,
  peerOf: () => "10.0.0.1",
  trustedProxies: 0,
  userOf: ({ headers }) => authenticator.knownUserOf(headers.get("authorization")),
  onError: () => undefined,
});
const app = site(
  gatewayApp({
    ...services,
    streams: new EventStreams({ orchestrator: services.orchestrator, slots: new StreamSlots({ total: 1 }) }),
    authenticator,
    currencies: shopCurrencies(""),
    seal: await createSealer(publicJwk),
    limits,
    onError: (error) => console.error(error),
  }),
  null,
  new RequestTraces({
    tracer: noTracer,
    sampling: { decide: () => ({ kind: "unrecorded" }) },
    metrics: httpMetrics(new Metrics()),
  }),
);

const authorization = `Bearer ${await tokenOf(USER)}`;
const body = JSON.stringify(cartOf(["tea-1", "tea-2"], "pm_card_visa", "EUR"));
const ORIGIN = "http://localhost";
const REQUESTS: Readonly<Record<string, () => Request>> = {
  "GET products": () => new Request(`${ORIGIN}/api/v1/products`),
  "GET status": () => new Request(`${ORIGIN}/api/v1/saga/${SAGA}/status`, { headers: { authorization } }),
  "POST checkout": () =>
    new Request(`${ORIGIN}/api/v1/checkout`, {
      method: "POST",
      headers: { authorization, "content-type": "application/json", "idempotency-key": "key" },
      body,
    }),
};

async function run(make: () => Request, calls: number): Promise<void> {
  for (let call = 0; call < calls; call += 1) {
    const response = await app.fetch(make());
    if (response.status >= 300) throw new Error(`${response.status} ${await response.text()}`);
    await response.arrayBuffer();
  }
}

const [wanted = ""] = process.argv.slice(2);
const rows = [];
for (const [request, make] of Object.entries(REQUESTS)) {
  if (!request.includes(wanted)) continue;
  await run(make, WARM_UP_CALLS);
  const before = process.cpuUsage();
  await run(make, CALLS);
  const { user, system } = process.cpuUsage(before);
  rows.push({ request, "CPU, us": Number(((user + system) / CALLS).toFixed(1)) });
}
console.table(rows);
