// The operators' HTTP endpoints of a role, on their own port: /healthz (the process is alive), /readyz (it can work) and /metrics.
// lifecycle.ts opens it first, so that a role that waits for its database can report that.
import { describeError } from "../kernel/errors.ts";
import { listenFault } from "./listen-fault.ts";
import type { Metrics } from "./metrics.ts";

const CHECK_TIMEOUT_MS = 1_000;

export interface CheckResult {
  readonly status: "up" | "down";
  readonly required: boolean;
  readonly reason?: string;
}

export interface Readiness {
  readonly status: "ready" | "not_ready";
  readonly checks: Readonly<Record<string, CheckResult>>;
}

/** Resolves if the dependency works, else throws the reason. */
export type Check = () => Promise<unknown>;

interface RegisteredCheck {
  readonly check: Check;
  readonly required: boolean;
}

export interface OpsOptions {
  readonly hostname: string;
  readonly port: number;
  readonly metrics: Metrics;
  /** A check that takes longer counts as down. */
  readonly checkTimeoutMs?: number;
}

export class OpsServer implements AsyncDisposable {
  readonly #checks = new Map<string, RegisteredCheck>();
  readonly #checkTimeoutMs: number;
  readonly #server: Bun.Server<undefined>;

  /** Throws CONFIG_INVALID if the port is in use, SERVICE_UNAVAILABLE if the address does not exist. Port 0 picks a free port. */
  constructor(options: OpsOptions) {
    this.#checkTimeoutMs = options.checkTimeoutMs ?? CHECK_TIMEOUT_MS;
    try {
      this.#server = Bun.serve({
        hostname: options.hostname,
        port: options.port,
        // By default Bun answers an error with a page that shows source code, and may share a port with another process.
        development: false,
        reusePort: false,
        routes: {
          "/healthz": () => Response.json({ status: "alive" }),
          "/readyz": async () => {
            const readiness = await this.readiness();
            return Response.json(readiness, { status: readiness.status === "ready" ? 200 : 503 });
          },
          "/metrics": async ({ headers }) => {
            const { contentType, text } = await options.metrics.expose(headers.get("accept") ?? "");
            return new Response(text, { headers: { "content-type": contentType } });
          },
        },
        fetch: () => new Response("see /healthz, /readyz, /metrics\n", { status: 404 }),
      });
    } catch (error) {
      throw listenFault(error, options, "OPS_HOST and OPS_PORT");
    }
  }

  get port(): number {
    return this.#server.port ?? 0;
  }

  /** With `required: false` the check is informational: the role works without that dependency. */
  addCheck(name: string, check: Check, options: { readonly required?: boolean } = {}): void {
    this.#checks.set(name, { check, required: options.required ?? true });
  }

  removeCheck(name: string): void {
    this.#checks.delete(name);
  }

  async readiness(): Promise<Readiness> {
    const entries = await Promise.all(
      [...this.#checks].map(
        async ([name, { check, required }]) => [name, await this.#run(check, required)] as const,
      ),
    );
    const isReady = entries.every(([, result]) => result.status === "up" || !result.required);
    return { status: isReady ? "ready" : "not_ready", checks: Object.fromEntries(entries) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.stop(true);
  }

  async #run(check: Check, required: boolean): Promise<CheckResult> {
    const ms = this.#checkTimeoutMs;
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => late.reject(new Error(`no answer within ${ms} ms`)), ms);
    try {
      await Promise.race([check(), late.promise]);
      return { status: "up", required };
    } catch (error) {
      return { status: "down", required, reason: describeError(error) };
    } finally {
      clearTimeout(timer);
    }
  }
}
