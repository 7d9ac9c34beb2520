// Reads the state of one process of a role at its operators' address (OPS_PORT). Called by overview.ts, doctor and cost.
import { Type } from "@sinclair/typebox";
import type { RoleState } from "../../schemas/overview.ts";
import { LateCheck } from "../../schemas/late-check.ts";
import { AppError } from "../kernel/errors.ts";
import { namedValues } from "../kernel/named-values.ts";
import { type Sample, samplesOf, valueOf } from "./prometheus-text.ts";
import { providerStates } from "./provider-state.ts";

export interface RoleAddress {
  /** The role, or the role and a number where there are several. */
  readonly name: string;
  /** `http://host:port` of /readyz and /metrics. */
  readonly address: string;
}

/** Reads OPS_URLS. */
export function roleAddresses(text = ""): readonly RoleAddress[] {
  return namedValues(text).map(({ name, value }) => ({ name, address: value }));
}

const readiness = new LateCheck(
  Type.Object({
    status: Type.Union([Type.Literal("ready"), Type.Literal("not_ready")]),
    checks: Type.Record(
      Type.String(),
      Type.Object({ status: Type.String(), reason: Type.Optional(Type.String()) }),
    ),
  }),
);

/** Throws SERVICE_UNAVAILABLE if no role answers there. */
export async function askRole(address: string, timeoutMs: number): Promise<RoleState> {
  const [ready, samples] = await Promise.all([
    readinessOf(address, timeoutMs),
    metricsOf(address, timeoutMs),
  ]);
  const providers = [...providerStates(samples)];
  const started = valueOf(samples, "process_start_time_seconds");
  return {
    ...ready,
    version: samples.find(({ name }) => name === "checkout_build_info")?.labels["version"] ?? null,
    started_at: started === undefined ? null : started * 1_000,
    cpu_seconds: valueOf(samples, "process_cpu_seconds_total") ?? null,
    memory_bytes: valueOf(samples, "process_resident_memory_bytes") ?? null,
    event_loop_lag_seconds: valueOf(samples, "process_event_loop_lag_seconds") ?? null,
    ...(providers.length === 0 ? {} : { providers }),
  };
}

/** Throws SERVICE_UNAVAILABLE. */
export async function metricsOf(address: string, timeoutMs: number): Promise<readonly Sample[]> {
  const response = await get(new URL("/metrics", address), timeoutMs);
  if (!response.ok) throw notARole(address);
  return samplesOf(await response.text());
}

async function readinessOf(address: string, timeoutMs: number) {
  const response = await get(new URL("/readyz", address), timeoutMs);
  const answer: unknown = await response.json().catch(() => null);
  if (!readiness.Check(answer)) throw notARole(address);
  const down = Object.entries(answer.checks).filter(([, { status }]) => status !== "up");
  return {
    is_ready: answer.status === "ready",
    reasons: down.map(([name, { reason = "down" }]) => `${name}: ${reason}`),
  };
}

/** Follows no redirect. Throws SERVICE_UNAVAILABLE with the cause as a code, such as ECONNREFUSED. */
export async function get(url: URL, timeoutMs: number): Promise<Response> {
  try {
    return await fetch(url, { redirect: "manual", signal: AbortSignal.timeout(timeoutMs) });
  } catch (error) {
    // The message of the error gives advice to a browser's user.
    const code = error instanceof Error ? ("code" in error ? String(error.code) : error.name) : "";
    const why = code === "23" ? `within ${timeoutMs} ms` : `(${code})`;
    throw new AppError("SERVICE_UNAVAILABLE", `nothing answers at ${url.origin} ${why}`);
  }
}

function notARole(address: string): AppError {
  return new AppError("SERVICE_UNAVAILABLE", `what answers at ${address} is not the OPS_PORT of a role`);
}
