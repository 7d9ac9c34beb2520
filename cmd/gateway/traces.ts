// What the gateway records of its requests: traces and failures. Called by main.ts.
import { HeadSampling } from "../../internal/gateway/head-sampling.ts";
import { RequestTraces } from "../../internal/gateway/request-traces.ts";
import { httpMetrics } from "../../internal/gateway/telemetry.ts";
import { traceFields } from "../../internal/kernel/telemetry.ts";
import { systemClock } from "../../internal/platform/clock.ts";
import type { RoleContext } from "../../internal/platform/lifecycle.ts";
import { logThrottled } from "../../internal/platform/log-throttle.ts";
import type { Config } from "./config.ts";

export function openTraces({ config: env, tracer, metrics }: RoleContext<Config>): RequestTraces {
  const sampling = new HeadSampling({
    ratio: env.TRACE_SAMPLE_RATIO,
    askedPerSecond: env.TRACE_ASKED_PER_SECOND,
    random: Math.random,
    monotonic: () => performance.now(),
  });
  return new RequestTraces({ tracer, sampling, metrics: httpMetrics(metrics) });
}

/** Logs a failed request, without its query: that may hold a secret of a payment, of a link or of a session. */
export function logFailures({ log }: RoleContext<Config>, traces: RequestTraces) {
  const logError = logThrottled(log, systemClock);
  return (error: unknown, request: Request): void => {
    const { method, url } = request;
    const fields = { method, path: new URL(url).pathname, ...traceFields(traces.contextOf(request)) };
    logError(error, fields, "a request failed");
  };
}
