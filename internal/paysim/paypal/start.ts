// Opens the PayPal face: simulator, HTTP side and webhooks together. Called by ../start.ts and by tests that need PayPal alone.
import { Value } from "@sinclair/typebox/value";
import type { Clock } from "../../kernel/ports.ts";
import { FaultSettings } from "../faults.ts";
import { Webhooks } from "../webhooks.ts";
import { CERTIFICATE_PATH, eventOf, type PayPalWebhookTarget, signedHeaders } from "./events.ts";
import { PayPalFace } from "./face.ts";
import { PayPalSimulator } from "./simulator.ts";

export interface PayPalOptions {
  readonly ledgerFile: string;
  /** How long a PayPal-Request-Id is remembered. */
  readonly keyLifetimeMs: number;
  readonly seed: number;
  /** In the format of latency.ts. */
  readonly latency: string;
  readonly clock: Clock;
  /** Where webhook events go; if left out, none are sent. */
  readonly webhooks?: PayPalWebhookTarget | undefined;
}

export interface OpenedPayPal extends AsyncDisposable {
  readonly simulator: PayPalSimulator;
  readonly face: PayPalFace;
}

/** Set `face.addresses` once its server listens. */
export function openPayPal(options: PayPalOptions): OpenedPayPal {
  const faults = Value.Parse(FaultSettings, { latency: options.latency });
  const simulator = new PayPalSimulator({ ...options, faults });
  const target = options.webhooks;
  const face = new PayPalFace({ simulator, certificates: target?.certificates });
  const webhooks = target === undefined ? null : webhooksOf(options, target, face);
  if (webhooks !== null)
    simulator.onRecorded = (entry) => {
      const event = eventOf(simulator.ledger, entry, face.addresses);
      if (event !== null) webhooks.announce(event, simulator.faults);
    };
  return {
    simulator,
    face,
    async [Symbol.asyncDispose]() {
      await webhooks?.[Symbol.asyncDispose]();
      await simulator[Symbol.asyncDispose]();
    },
  };
}

function webhooksOf({ seed, clock }: PayPalOptions, target: PayPalWebhookTarget, face: PayPalFace): Webhooks {
  const sign = (body: string, nowMs: number) =>
    signedHeaders(body, nowMs, target, `${face.addresses.api}${CERTIFICATE_PATH}`);
  return new Webhooks({ url: target.url, sign, seed, clock });
}
