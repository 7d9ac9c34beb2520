// The settings of the inventory service.
import { Type } from "@sinclair/typebox";
import { accessConfig, httpConfig, serviceConfig, shopConfig } from "../../internal/platform/config.ts";

export const config = Type.Object({
  ...serviceConfig,
  ...httpConfig("the catalogue", "keep it private"),
  ...accessConfig,
  ...shopConfig,
  RESERVATION_HOLD_MS: Type.Integer({
    default: 300_000,
    minimum: 1_000,
    maximum: 86_400_000,
    description:
      "how long stock is held for a checkout, in ms; keep it above the orchestrator's FORWARD_DEADLINE_MS",
  }),
  SWEEP_INTERVAL_MS: Type.Integer({
    default: 60_000,
    minimum: 100,
    maximum: 3_600_000,
    description: "interval between searches for expired holds, in ms",
  }),
});
