// All exchanges of a drill, in their order. Passwords come last: the exchanges before use those that the stack began with.
import { certificateExchanges } from "./certificate-exchanges.ts";
import type { Exchange } from "./exchange.ts";
import { kafkaPasswordExchange } from "./kafka-password-exchange.ts";
import { keyExchanges } from "./key-exchanges.ts";
import { passwordExchanges } from "./password-exchanges.ts";
import { sharedExchanges } from "./shared-exchanges.ts";

/** Secret settings that no exchange has, each with the reason. */
export const NOT_DRILLED: Readonly<Record<string, string>> = {
  STRIPE_API_KEY: "the simulator takes any key, so nothing would be shown",
  PAYPAL_CLIENT_SECRET: "the simulator takes any secret, so nothing would be shown",
  OIDC_CLIENT_SECRET: "the stack has no identity provider for operators",
  OTLP_HEADERS: "a collector that refuses costs traces, no checkout",
  SMTP_URL: "the mail catcher asks for no password",
  REDIS_SENTINELS: "the drill's stack has one Redis; a Sentinel's password is exchanged as that of a server",
};

export const EXCHANGES: readonly Exchange[] = [
  ...certificateExchanges,
  ...keyExchanges,
  ...sharedExchanges,
  kafkaPasswordExchange,
  ...passwordExchanges,
];
