// Starts the PayPal face: simulator and server together. Called by cmd/paysim and by tests that need it in their own process.
import { Value } from "@sinclair/typebox/value";
import type { Clock } from "../../kernel/ports.ts";
import { FaultSettings } from "../faults.ts";
import { Webhooks } from "../webhooks.ts";
import { CERTIFICATE_PATH, eventOf, type PayPalWebhookTarget, signedHeaders } from "./events.ts";
import { PayPalServer } from "./server.ts";
import { PayPalSimulator } from "./simulator.ts";

export interface PayPalFaceOptions {
  readonly hostname: string;
  /** 0 takes a free port. */
  readonly port: number;
  readonly ledgerFile: string;
  /** How long a PayPal-Request-Id is remembered. */
  readonly keyLifetimeMs: number;
  readonly seed: number;
  /** In the format of latency.ts. */
  readonly latency: string;
  readonly clock: Clock;
  /** Where browsers reach the payer's page; default: the server itself. */
  readonly publicUrl?: string | undefined;
  /** Where webhook events go; if left out, none are sent. */
  readonly webhooks?: PayPalWebhookTarget | undefined;
}

export interface RunningPayPal extends AsyncDisposable {
  readonly simulator: PayPalSimulator;
  readonly server: PayPalServer;
}

export function startPayPal(options: PayPalFaceOptions): RunningPayPal {
  const faults = Value.Parse(FaultSettings, { latency: options.latency });
  const simulator = new PayPalSimulator({ ...options, faults });
  const target = options.webhooks;
  const server = new PayPalServer({ ...options, simulator, certificates: target?.certificates });
  const webhooks = target === undefined ? null : webhooksOf(options, target, server);
  if (webhooks !== null)
    simulator.onBooked = (entry) => {
      const event = eventOf(simulator.ledger, entry, server.addresses);
      if (event !== null) webhooks.announce(event, simulator.faults);
    };
  return {
    simulator,
    server,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await webhooks?.[Symbol.asyncDispose]();
      await simulator[Symbol.asyncDispose]();
    },
  };
}

function webhooksOf(
  { seed, clock }: PayPalFaceOptions,
  target: PayPalWebhookTarget,
  server: PayPalServer,
): Webhooks {
  const certificateUrl = `${server.addresses.api}${CERTIFICATE_PATH}`;
  const sign = (body: string, nowMs: number) => signedHeaders(body, nowMs, target, certificateUrl);
  return new Webhooks({ url: target.url, sign, seed, clock });
}
