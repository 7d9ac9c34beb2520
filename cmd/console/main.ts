// Starts the operators' console. Wiring only.
import { consoleApp } from "../../internal/console/app.ts";
import { Sessions } from "../../internal/console/session.ts";
import { consoleMetrics } from "../../internal/console/telemetry.ts";
import { clientAddress } from "../../internal/gateway/limits/client-address.ts";
import { newId, systemClock } from "../../internal/platform/clock.ts";
import { runRole } from "../../internal/platform/lifecycle.ts";
import { logThrottled } from "../../internal/platform/log-throttle.ts";
import { peerOf, startHttp } from "../../internal/platform/serve-http.ts";
import { startCollector } from "./collector.ts";
import { config } from "./config.ts";
import { companySignIn, faultsOf } from "./oidc.ts";
import { startRuns } from "./runs.ts";
import { operatorTokens } from "./sign-in.ts";
import { openDatabases, openTopics } from "./sources.ts";

await runRole({
  name: "checkout-console",
  description: "What operators see and do: sagas, money, messages and the health of all roles, in a browser.",
  config,
  faults: faultsOf,
  async start(context) {
    const { config: env, log, metrics } = context;
    const { pages, background } = openDatabases(
      {
        saga: env.SAGA_DATABASE_URL,
        inventory: env.INVENTORY_DATABASE_URL,
        payment: env.PAYMENT_DATABASE_URL,
        order: env.ORDER_DATABASE_URL,
        notification: env.NOTIFICATION_DATABASE_URL,
      },
      context,
    );
    const topics = openTopics(env, background.saga, context);
    const collected = startCollector(context, { databases: background, ...topics.collected });
    const bulk = startRuns(
      { pages, background },
      { settings: env, isReadOnly: env.CONSOLE_READ_ONLY },
      context,
    );
    const logError = logThrottled(log, systemClock);
    const app = consoleApp({
      databases: pages,
      orchestratorUrl: env.ORCHESTRATOR_URL,
      bulk,
      topics: topics.access,
      identify: await operatorTokens(env.TRUSTED_CALLERS_JWKS),
      oidc: await companySignIn(env),
      sessions: new Sessions(env.CONSOLE_SESSION_SECRET),
      ...collected,
      traceUrlOf: (traceId) => env.TRACE_URL_TEMPLATE?.replaceAll("{trace_id}", traceId) ?? null,
      isReadOnly: env.CONSOLE_READ_ONLY,
      publicUrl: env.CONSOLE_URL?.replace(/\/+$/, ""),
      addressOf: (request) =>
        clientAddress(peerOf(request), request.headers.get("x-forwarded-for"), env.TRUSTED_PROXIES) || null,
      stopping: context.stopping,
      clock: systemClock,
      newId,
      counts: consoleMetrics(metrics),
      onAct: (fields, text) => log.info(fields, text),
      // Without its query, which may hold what somebody searched for.
      onError: (error, { method, url }) =>
        logError(error, { method, path: new URL(url).pathname }, "a request failed"),
    });
    startHttp(context, "console", app);
  },
});
