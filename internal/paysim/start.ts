// Starts simulator and server together. Called by cmd/paysim and by tests that need a provider in their own process.
import { Value } from "@sinclair/typebox/value";
import type { Clock } from "../kernel/ports.ts";
import { FaultSettings } from "./faults.ts";
import { type OpenedPayPal, openPayPal, type PayPalOptions } from "./paypal/start.ts";
import { PAYPAL_PREFIX, ProviderServer } from "./server.ts";
import { Simulator } from "./simulator.ts";
import type { WebhookTarget } from "./webhooks.ts";

export interface ProviderOptions {
  readonly hostname: string;
  /** 0 takes a free port. */
  readonly port: number;
  readonly ledgerFile: string;
  /** How long an idempotency key is remembered. */
  readonly keyLifetimeMs: number;
  readonly seed: number;
  /** In the format of latency.ts. */
  readonly latency: string;
  readonly clock: Clock;
  /** Where browsers reach the bank's page; default: the server itself. */
  readonly publicUrl?: string | undefined;
  /** Where webhook events go; if left out, none are sent. */
  readonly webhooks?: WebhookTarget | undefined;
  /** PayPal's API below /paypal; none if left out. Seed, latency and clock are those of the other API. */
  readonly paypal?:
    | (Pick<PayPalOptions, "ledgerFile" | "keyLifetimeMs" | "webhooks"> & {
        /** Where the shop's services reach the API; default: the server itself. */
        readonly apiUrl?: string | undefined;
      })
    | undefined;
}

export interface RunningProvider extends AsyncDisposable {
  readonly simulator: Simulator;
  readonly server: ProviderServer;
  readonly paypal: OpenedPayPal | null;
}

export function startProvider(options: ProviderOptions): RunningProvider {
  const faults = Value.Parse(FaultSettings, { latency: options.latency });
  const simulator = new Simulator({ ...options, faults, webhooks: options.webhooks ?? null });
  const { seed, latency, clock, publicUrl } = options;
  const paypal =
    options.paypal === undefined ? null : openPayPal({ seed, latency, clock, ...options.paypal });
  const server = new ProviderServer({
    simulator,
    hostname: options.hostname,
    port: options.port,
    publicUrl,
    paypal: paypal === null ? undefined : (request, path) => paypal.face.answer(request, path),
  });
  if (paypal !== null)
    paypal.face.addresses = {
      api: withoutSlash(options.paypal?.apiUrl ?? `${server.url}${PAYPAL_PREFIX}`),
      pages: `${withoutSlash(publicUrl ?? server.url)}${PAYPAL_PREFIX}`,
    };
  return {
    simulator,
    server,
    paypal,
    async [Symbol.asyncDispose]() {
      paypal?.simulator.abandonHeld();
      await server[Symbol.asyncDispose]();
      await paypal?.[Symbol.asyncDispose]();
      await simulator[Symbol.asyncDispose]();
    },
  };
}

function withoutSlash(url: string): string {
  return url.replace(/\/$/, "");
}
