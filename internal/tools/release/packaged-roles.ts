// What the packages know of each role beyond its settings: what its unit may do, and the values with which all roles run on one
// machine. Called by units.ts, env-files.ts and debian.ts.
import type { Role } from "../../stack/role-env.ts";

export interface PackagedRole {
  readonly role: Role;
  /** For the unit and the package: "Checkout: ..." */
  readonly what: string;
  /**
   * `private`: talks to machines of private networks only. `open`: has partners elsewhere (shoppers, payment provider, mail server,
   * identity provider).
   */
  readonly network: "private" | "open";
  /** True if it keeps files in /var/lib/checkout-ROLE. */
  readonly hasState?: boolean;
  /** Settings with which the roles find each other on one machine. */
  readonly settings: Readonly<Record<string, string>>;
}

/** One address for each role, so that several on a machine do not collide. */
const PORTS: Readonly<Record<Role, { readonly ops: number; readonly http?: number }>> = {
  gateway: { ops: 9101, http: 8080 },
  orchestrator: { ops: 9102, http: 8081 },
  inventory: { ops: 9103, http: 8082 },
  payment: { ops: 9104, http: 8083 },
  order: { ops: 9105, http: 8084 },
  notification: { ops: 9106 },
  relay: { ops: 9107 },
  console: { ops: 9108, http: 8085 },
  paysim: { ops: 9109, http: 8086 },
};
const PAYMENT_INTERNAL_PORT = 8087;

const local = (port: number | undefined) => `http://127.0.0.1:${port}`;

/** Settings that mean the same in every role on a machine: they are in one file, so that they cannot differ. */
export const SHARED_SETTINGS: Readonly<Record<string, string>> = {
  KAFKA_BROKERS: "127.0.0.1:9092",
  TRUSTED_CALLERS_JWKS: "",
  SHOP_URL: local(PORTS.gateway.http),
};
/** The same, with the defaults of the roles. */
export const SHARED_OPTIONS: readonly string[] = [
  "SHOP_NAME",
  "SHOP_CURRENCIES",
  "LOG_LEVEL",
  "OTLP_URL",
  "OPS_HOST",
];

/** The address of each role's ops port on one machine, in the form of OPS_URLS. */
export const LOCAL_OPS_URLS = Object.entries(PORTS)
  .filter(([role]) => role !== "paysim")
  .map(([role, { ops }]) => `${role}=${local(ops)}`)
  .join(",");

/** The addresses that checkoutctl needs, on one machine. */
export const OPERATOR_SETTINGS: Readonly<Record<string, string>> = {
  ORCHESTRATOR_URL: local(PORTS.orchestrator.http),
  INVENTORY_URL: local(PORTS.inventory.http),
  ORDER_URL: local(PORTS.order.http),
  GATEWAY_URL: local(PORTS.gateway.http),
  OPS_URLS: LOCAL_OPS_URLS,
};

/** In the order of docs: what shoppers reach first. */
export const PACKAGED_ROLES: readonly PackagedRole[] = [
  {
    role: "gateway",
    what: "the gateway: the shop's pages and the shoppers' API",
    network: "open",
    settings: {
      ORCHESTRATOR_URL: local(PORTS.orchestrator.http),
      INVENTORY_URL: local(PORTS.inventory.http),
      ORDER_URL: local(PORTS.order.http),
      PAYMENT_URL: local(PAYMENT_INTERNAL_PORT),
      // The unit sets it too, but a role asks for it in its own settings.
      BUN_CONFIG_MAX_HTTP_REQUESTS: "65535",
    },
  },
  {
    role: "orchestrator",
    what: "the orchestrator: drives each checkout to its end",
    network: "private",
    settings: {},
  },
  {
    role: "inventory",
    what: "inventory: catalogue, stock and reservations",
    network: "private",
    settings: {},
  },
  {
    role: "payment",
    what: "payment: charges and refunds at the provider",
    network: "open",
    settings: { INTERNAL_PORT: String(PAYMENT_INTERNAL_PORT) },
  },
  { role: "order", what: "order: the orders of completed checkouts", network: "private", settings: {} },
  {
    role: "notification",
    what: "notification: mails to shoppers",
    network: "open",
    settings: { INVENTORY_URL: local(PORTS.inventory.http) },
  },
  { role: "relay", what: "the relay: publishes the outboxes to Kafka", network: "private", settings: {} },
  {
    role: "console",
    what: "the operators' console",
    network: "open",
    settings: { ORCHESTRATOR_URL: local(PORTS.orchestrator.http), OPS_URLS: LOCAL_OPS_URLS },
  },
  {
    role: "paysim",
    what: "a payment provider simulator: for trying the system without a provider",
    network: "private",
    hasState: true,
    settings: {
      LEDGER_FILE: "/var/lib/checkout-paysim/ledger.jsonl",
      PUBLIC_URL: local(PORTS.paysim.http),
      WEBHOOK_URL: `${local(PORTS.payment.http)}/webhooks/stripe`,
    },
  },
];

/** The values of a role's settings on one machine. */
export function localSettings({ role, settings }: PackagedRole): Readonly<Record<string, string>> {
  const { ops, http } = PORTS[role];
  return {
    ...(http === undefined ? {} : { PORT: String(http) }),
    OPS_PORT: String(ops),
    ...settings,
  };
}

/** Those that a shop needs; the simulator is installed by hand. */
export const SHOP_ROLES: readonly Role[] = PACKAGED_ROLES.map(({ role }) => role).filter(
  (role) => role !== "paysim",
);

/** Where packages look for the files of a role. */
export const ETC = "/etc/checkout";
export const envFile = (role: string) => `${ETC}/${role}.env`;
export const secretsFolder = (role: string) => `${ETC}/secrets/${role}`;
export const unitName = (role: Role) => `checkout-${role}.service`;
export const TARGET = "checkout.target";
