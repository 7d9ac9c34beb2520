// The payment provider simulator as a process of its own: wiring only. What it does is told in internal/paysim/README.md.
import { Type } from "@sinclair/typebox";
import { statsOf } from "../../internal/paysim/control.ts";
import { LatencyText } from "../../internal/paysim/faults.ts";
import { type ProviderOptions, type RunningProvider, startProvider } from "../../internal/paysim/start.ts";
import { commonConfig, ConfigError, secret } from "../../internal/platform/config.ts";
import { runRole } from "../../internal/platform/lifecycle.ts";
import { listenFault } from "../../internal/platform/listen-fault.ts";

const config = Type.Object({
  ...commonConfig,
  HOST: Type.String({
    default: "127.0.0.1",
    minLength: 1,
    description: "address to listen on; keep it private",
  }),
  PORT: Type.Integer({
    minimum: 0,
    maximum: 65_535,
    description: "port of Stripe's API and the control API",
  }),
  LEDGER_FILE: Type.String({
    minLength: 1,
    description: "the provider's ledger, JSON lines, created if missing",
  }),
  LATENCY: {
    ...LatencyText,
    default: "uniform:200-500",
    description: "milliseconds a call takes: fixed:N, uniform:MIN-MAX or lognormal:P50-P99",
  },
  SEED: Type.Integer({ minimum: 0, default: 1, description: "seed of latencies and faults" }),
  KEY_TTL_SECONDS: Type.Integer({
    minimum: 1,
    default: 86_400,
    description: "lifetime of an idempotency key",
  }),
  WEBHOOK_URL: Type.Optional(
    Type.String({ format: "url", description: "where events are sent to; none are sent without it" }),
  ),
  WEBHOOK_SECRET: Type.Optional(
    secret(Type.String({ minLength: 16, description: "signs the events; the receiver knows it, too" })),
  ),
});

const NAME = "checkout-paysim";

await runRole({
  name: NAME,
  description: "Payment provider simulator: Stripe's API with a ledger of its own and faults on demand.",
  config,
  async start({ config: env, log, metrics, resources }) {
    const provider = resources.use(
      "payment provider",
      listening({
        hostname: env.HOST,
        port: env.PORT,
        ledgerFile: env.LEDGER_FILE,
        keyLifetimeMs: env.KEY_TTL_SECONDS * 1_000,
        seed: env.SEED,
        latency: env.LATENCY,
        clock: { now: () => Date.now() },
        webhooks: webhookTarget(env.WEBHOOK_URL, env.WEBHOOK_SECRET),
      }),
    );
    const stats = () => statsOf(provider.simulator);
    for (const name of Object.keys(stats())) {
      const help = `The payment simulator's ${name.replaceAll("_", " ")}`;
      metrics.gauge(`paysim_${name}`, help, [], () => stats()[name] ?? 0);
    }
    const ledger = { ledger_file: env.LEDGER_FILE, ledger_entries: provider.simulator.ledger.lastSeq };
    log.info({ url: provider.server.url, ...ledger }, "listening");
  },
});

function listening(options: ProviderOptions): RunningProvider {
  try {
    return startProvider(options);
  } catch (error) {
    // The ledger's own faults have no system call.
    if (error instanceof Error && "syscall" in error && error.syscall === "listen")
      throw listenFault(error, options, "HOST and PORT");
    throw error;
  }
}

function webhookTarget(url: string | undefined, secretText: string | undefined) {
  if (url === undefined) return undefined;
  if (secretText !== undefined) return { url, secret: secretText };
  throw new ConfigError(NAME, ["WEBHOOK_SECRET is missing: set it to the secret that WEBHOOK_URL expects"]);
}
