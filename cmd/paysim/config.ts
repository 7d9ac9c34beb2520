// The settings of the payment provider simulator.
import { Type } from "@sinclair/typebox";
import { LatencyText } from "../../internal/paysim/faults.ts";
import { commonConfig, listenConfig, secret } from "../../internal/platform/config.ts";

export const config = Type.Object({
  ...commonConfig,
  ...listenConfig("Stripe's API and the control API", "keep it private"),
  LEDGER_FILE: Type.String({
    minLength: 1,
    description: "the provider's ledger, JSON lines, created if missing",
  }),
  LATENCY: {
    ...LatencyText,
    default: "uniform:200-500",
    description: "duration of a call in ms: fixed:N, uniform:MIN-MAX or lognormal:P50-P99",
  },
  SEED: Type.Integer({ minimum: 0, default: 1, description: "seed of latencies and faults" }),
  KEY_TTL_SECONDS: Type.Integer({
    minimum: 1,
    default: 86_400,
    description: "lifetime of an idempotency key",
  }),
  PAYPAL_LEDGER_FILE: Type.Optional(
    Type.String({
      minLength: 1,
      description:
        "PayPal's ledger, JSON lines, created if missing; without it there is no PayPal below /paypal",
    }),
  ),
  PAYPAL_KEY_TTL_SECONDS: Type.Integer({
    minimum: 1,
    default: 21_600,
    description: "lifetime of a PayPal-Request-Id",
  }),
  PAYPAL_API_URL: Type.Optional(
    Type.String({
      format: "url",
      description:
        "where the shop's services reach PayPal's API, and with it the certificate of its events; default: /paypal at the listen address",
    }),
  ),
  PAYPAL_WEBHOOK_URL: Type.Optional(
    Type.String({ format: "url", description: "target URL of PayPal's events; none are sent without it" }),
  ),
  PAYPAL_WEBHOOK_ID: Type.Optional(
    Type.String({ minLength: 1, description: "id of PayPal's webhook; the receiver needs the same" }),
  ),
  PAYPAL_CERTIFICATE_FILE: Type.Optional(
    Type.String({
      minLength: 1,
      description: "PEM file of the certificate (RSA) that signs PayPal's events",
    }),
  ),
  PAYPAL_CERTIFICATE_KEY_FILE: Type.Optional(
    Type.String({ minLength: 1, description: "PEM file of its private key" }),
  ),
  PUBLIC_URL: Type.Optional(
    Type.String({
      format: "url",
      description: "where browsers reach the bank's page (3-D Secure); default: the listen address",
    }),
  ),
  WEBHOOK_URL: Type.Optional(
    Type.String({ format: "url", description: "target URL of webhook events; none are sent without it" }),
  ),
  WEBHOOK_SECRET: Type.Optional(
    secret(
      Type.String({ minLength: 16, description: "signs webhook events; the receiver needs the same secret" }),
    ),
  ),
});
