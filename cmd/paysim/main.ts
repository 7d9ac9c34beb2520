// Starts the payment provider simulator. Wiring only; internal/paysim/README.md describes its behaviour.
import { readFileSync } from "node:fs";
import type { Static } from "@sinclair/typebox";
import { type ProviderOptions, type RunningProvider, startProvider } from "../../internal/paysim/start.ts";
import { registerStats } from "../../internal/paysim/telemetry.ts";
import { ConfigError } from "../../internal/platform/config.ts";
import { runRole } from "../../internal/platform/lifecycle.ts";
import { listenFault } from "../../internal/platform/listen-fault.ts";
import { config } from "./config.ts";

const NAME = "checkout-paysim";

await runRole({
  name: NAME,
  description: "Payment provider simulator: Stripe's API with its own ledger and faults on demand.",
  config,
  async start({ config: env, log, metrics, resources }) {
    const provider = resources.use(
      "payment provider",
      listening({
        hostname: env.HOST,
        port: env.PORT,
        publicUrl: env.PUBLIC_URL,
        ledgerFile: env.LEDGER_FILE,
        keyLifetimeMs: env.KEY_TTL_SECONDS * 1_000,
        seed: env.SEED,
        latency: env.LATENCY,
        clock: { now: () => Date.now() },
        webhooks: webhookTarget(env.WEBHOOK_URL, env.WEBHOOK_SECRET),
        paypal: payPal(env),
      }),
    );
    registerStats(metrics, provider.simulator);
    const ledger = { ledger_file: env.LEDGER_FILE, ledger_entries: provider.simulator.ledger.lastSeq };
    log.info({ url: provider.server.url, ...ledger }, "listening");
  },
});

function listening(options: ProviderOptions): RunningProvider {
  try {
    return startProvider(options);
  } catch (error) {
    // Errors of the ledger have no system call.
    if (error instanceof Error && "syscall" in error && error.syscall === "listen")
      throw listenFault(error, options, "HOST and PORT");
    throw error;
  }
}

function payPal(env: Static<typeof config>): ProviderOptions["paypal"] {
  const { PAYPAL_LEDGER_FILE: ledgerFile, PAYPAL_WEBHOOK_URL: url, PAYPAL_WEBHOOK_ID: webhookId } = env;
  const { PAYPAL_CERTIFICATE_FILE: certFile, PAYPAL_CERTIFICATE_KEY_FILE: keyFile } = env;
  if (ledgerFile === undefined) return undefined;
  const face = {
    ledgerFile,
    keyLifetimeMs: env.PAYPAL_KEY_TTL_SECONDS * 1_000,
    apiUrl: env.PAYPAL_API_URL,
  };
  if (url === undefined) return face;
  if (webhookId === undefined || certFile === undefined || keyFile === undefined)
    throw new ConfigError(NAME, [
      "PAYPAL_WEBHOOK_URL needs PAYPAL_WEBHOOK_ID, PAYPAL_CERTIFICATE_FILE and PAYPAL_CERTIFICATE_KEY_FILE",
    ]);
  const certificates = readFileSync(certFile, "utf8");
  return { ...face, webhooks: { url, webhookId, certificates, key: readFileSync(keyFile, "utf8") } };
}

function webhookTarget(url: string | undefined, secretText: string | undefined) {
  if (url === undefined) return undefined;
  if (secretText !== undefined) return { url, secret: secretText };
  throw new ConfigError(NAME, ["WEBHOOK_SECRET is missing: set it to the secret that WEBHOOK_URL expects"]);
}
