// The names of the variables that the local stack sets. For the tests that compare them with compose.yaml and with the settings
// that the binaries require.
import { type Role, operatorEnvironment, roleEnvironment } from "../stack/role-env.ts";
import type { StackAddresses } from "../stack/state.ts";

/** Of a stack that is nowhere. */
export const NO_ADDRESSES: StackAddresses = {
  postgres: { saga: "", inventory: "", payment: "", order: "", notification: "" },
  kafka_brokers: "",
  redis: "",
  smtp: "",
  mail: "",
  gateway: "",
  console: "",
  orchestrator: "",
  inventory: "",
  order: "",
  payment: "",
  payment_internal: "",
  paysim: "",
  ledger_file: "",
  secrets_file: "",
  replicas: {},
  ops: {},
};

const ANYWHERE = {
  addresses: NO_ADDRESSES,
  secrets: {
    jwt_hs256_secret: "",
    payment_public_jwk: "",
    payment_private_jwk: "",
    gateway_private_jwk: "",
    notification_private_jwk: "",
    operators_private_jwk: "",
    trusted_callers_jwks: "",
    stripe_api_key: "",
    stripe_webhook_secret: "",
    shop_link_secret: "",
    console_session_secret: "",
    accounts_secret: "x".repeat(64),
  },
};

export function settingsOfRole(role: Role): string[] {
  return Object.keys(roleEnvironment(role, ANYWHERE));
}

export function settingsOfOperator(): string[] {
  return Object.keys(operatorEnvironment(ANYWHERE));
}
