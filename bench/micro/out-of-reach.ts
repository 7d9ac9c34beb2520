// Limits of the gateway that no measurement reaches: every request is counted, none is refused.
import type { LimitSettings } from "../../internal/gateway/limits/policies.ts";

const LIMIT = 1_000_000_000;

export const OUT_OF_REACH: LimitSettings = {
  address: LIMIT,
  user: LIMIT,
  addressCheckouts: LIMIT,
  userCheckouts: LIMIT,
  userCards: LIMIT,
  networkCards: LIMIT,
  userDeclines: LIMIT,
  networkDeclines: LIMIT,
  userOpen: LIMIT,
};
