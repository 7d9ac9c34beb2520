// Inventory as a process of its own: wiring only. Reserves stock by command, gives it back when a hold passes its time, and
// serves the catalogue over HTTP.
import { Type } from "@sinclair/typebox";
import { runLoop } from "../../internal/platform/background-loop.ts";
import {
  commonConfig,
  consumerConfig,
  publishingConfig,
  postgresConfig,
  redisConfig,
  servedNamesConfig,
} from "../../internal/platform/config.ts";
import { newId, openDatabase, startConsuming, systemClock } from "../../internal/platform/consuming-role.ts";
import { runRole } from "../../internal/platform/lifecycle.ts";
import { publishAfterCommit } from "../../internal/platform/publishing.ts";
import { serveHttp } from "../../internal/platform/serve-http.ts";
import { catalogueApi } from "../../internal/services/inventory/catalogue-http.ts";
import { inventoryHandler } from "../../internal/services/inventory/handler.ts";
import { sweepExpired } from "../../internal/services/inventory/sweeper.ts";
import { inventoryTelemetry } from "../../internal/services/inventory/telemetry.ts";

const config = Type.Object({
  ...commonConfig,
  ...consumerConfig,
  ...publishingConfig,
  ...postgresConfig,
  ...redisConfig,
  HOST: Type.String({
    default: "127.0.0.1",
    minLength: 1,
    description: "address the catalogue listens on; keep it private",
  }),
  PORT: Type.Integer({ minimum: 0, maximum: 65_535, description: "port of the catalogue" }),
  ...servedNamesConfig,
  RESERVATION_HOLD_MS: Type.Integer({
    default: 300_000,
    minimum: 1_000,
    maximum: 86_400_000,
    description:
      "how long stock is held for a checkout, in milliseconds; above the orchestrator's FORWARD_DEADLINE_MS",
  }),
  SWEEP_INTERVAL_MS: Type.Integer({
    default: 60_000,
    minimum: 100,
    maximum: 3_600_000,
    description: "how often holds past their time are looked for, in milliseconds",
  }),
});

await runRole({
  name: "checkout-inventory",
  description: "Owns the stock: reserves, confirms and releases it, and serves the catalogue.",
  config,
  async start(context) {
    const { config: env, log, metrics, resources } = context;
    const database = publishAfterCommit(
      await openDatabase("checkout-inventory", "inventory", context),
      "inventory",
      context,
    );
    // Before Kafka is waited for: the shop window stays open without it.
    const catalogue = catalogueApi({ database, log });
    const server = resources.use(
      "catalogue",
      serveHttp(catalogue, { hostname: env.HOST, port: env.PORT, names: env.SERVED_NAMES }),
    );
    log.info({ port: server.port }, "listening");

    const observe = inventoryTelemetry(metrics);
    runLoop(context, {
      name: "sweeper",
      runOnce: () => sweepExpired({ database, clock: systemClock, newId, observe, log }),
      intervalMs: env.SWEEP_INTERVAL_MS,
      restPerRun: 4,
    });

    const policy = { holdMs: env.RESERVATION_HOLD_MS };
    await startConsuming(context, database, inventoryHandler({ policy, observe }));
  },
});
