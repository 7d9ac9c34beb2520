// Checks that compose.yaml describes the same system as the local stack. Without Docker nothing else would notice a difference.
import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { YAML } from "bun";
import { settingsOfOperator, settingsOfRole } from "../testkit/role-settings.ts";
import { REPOSITORY } from "./paths.ts";
import { ROLES, SERVING_ROLES } from "./role-env.ts";
import { certificateFiles, PAYPAL_SIGNER } from "./secure/certificate-files.ts";

interface Service {
  readonly image?: string;
  readonly profiles?: readonly string[];
  readonly volumes?: readonly string[];
  readonly command?: readonly string[];
  readonly hostname?: string;
  readonly environment?: Readonly<Record<string, unknown>>;
  readonly healthcheck?: { readonly test?: unknown; readonly disable?: boolean };
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
}

const services = await readServices();

async function readServices(): Promise<Record<string, Service>> {
  const compose = YAML.parse(await Bun.file(join(REPOSITORY, "compose.yaml")).text());
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the tests below look at what they need.
  return (compose as { services: Record<string, Service> }).services;
}

test.each(ROLES)("%s has the same settings as in the local stack", (role) => {
  const service = services[role];
  expect(service?.command).toEqual([`checkout-${role}`]);
  const wanted = settingsOfRole(role);
  const listening = SERVING_ROLES.includes(role) ? ["HOST", "PORT"] : [];
  // In the local stack the plan gives the port.
  const internal = role === "payment" ? ["INTERNAL_HOST", "INTERNAL_PORT"] : [];
  expect(Object.keys(service?.environment ?? {}).toSorted()).toEqual(
    [...wanted, ...listening, ...internal, "OPS_HOST", "OPS_PORT"].toSorted(),
  );
});

test.each(["inventory", "payment", "order", "orchestrator"])(
  "%s has the host name that other roles use",
  (role) => {
    expect(services[role]?.hostname).toBe(role);
  },
);

test("checkoutctl has the same settings as in the local stack", () => {
  const wanted = settingsOfOperator();
  expect(Object.keys(services["checkoutctl"]?.environment ?? {}).toSorted()).toEqual(wanted.toSorted());
});

test.each([
  ["PAYMENT_PRIVATE_JWK", "payment"],
  ["GATEWAY_PRIVATE_JWK", "gateway"],
  ["NOTIFICATION_PRIVATE_JWK", "notification"],
  ["OPERATORS_PRIVATE_JWK", "checkoutctl"],
])("only one service gets the private key %s: %s", (key, holder) => {
  const holders = Object.entries(services).filter(([, { environment }]) => environment && key in environment);
  expect(holders.map(([name]) => name)).toEqual([holder]);
});

test("PayPal's events come from the host whose certificates count, and only the simulator has the key", () => {
  const { paysim, payment } = services;
  const api = new URL(String(paysim?.environment?.["PAYPAL_API_URL"]));
  expect(payment?.environment?.["PAYPAL_CERTIFICATE_HOSTS"]).toBe(api.hostname);
  expect(payment?.environment?.["PAYPAL_BASE_URL"]).toBe(api.href);
  expect(payment?.environment?.["PAYPAL_WEBHOOK_ID"]).toBe(paysim?.environment?.["PAYPAL_WEBHOOK_ID"]);
  const { caFile, certFile, keyFile } = certificateFiles("/paypal", PAYPAL_SIGNER);
  expect(payment?.environment?.["PAYPAL_CERTIFICATE_ROOTS"]).toBe(caFile);
  expect(paysim?.environment?.["PAYPAL_CERTIFICATE_FILE"]).toBe(certFile);
  expect(paysim?.environment?.["PAYPAL_CERTIFICATE_KEY_FILE"]).toBe(keyFile);
  const mounting = Object.entries(services).flatMap(([name, { volumes = [] }]) =>
    volumes.filter((volume) => volume.startsWith("./deploy/paypal")).map((volume) => [name, volume]),
  );
  expect(mounting).toEqual([
    ["paysim", "./deploy/paypal:/paypal:ro"],
    ["payment", "./deploy/paypal/ca.crt:/paypal/ca.crt:ro"],
  ]);
});

test("every service has a health check, and waits for the services it needs", () => {
  for (const [name, { healthcheck, depends_on = {} }] of Object.entries(services)) {
    expect(healthcheck, name).toBeDefined();
    for (const [needed, { condition }] of Object.entries(depends_on)) {
      const ends = services[needed]?.healthcheck?.disable === true;
      expect(condition, `${name} needs ${needed}`).toBe(
        ends ? "service_completed_successfully" : "service_healthy",
      );
    }
  }
});

test("the observability profile is off unless asked for, and every file that it mounts is in the repository", async () => {
  const names = ["prometheus", "alertmanager", "grafana"];
  for (const name of names) {
    const { profiles, volumes = [], image } = services[name] ?? {};
    expect(profiles, name).toEqual(["observability"]);
    expect(image, name).toMatch(/:v?\d+\.\d+\.\d+$/);
    const mounted = volumes
      .filter((volume) => volume.startsWith("./"))
      .map((volume) => volume.split(":")[0] ?? "");
    expect(mounted.length, name).toBeGreaterThan(0);
    for (const path of mounted) expect(existsSync(join(REPOSITORY, path)), path).toBe(true);
  }
  // Nothing else waits for one of them.
  const waiting = Object.entries(services).filter(([name]) => !names.includes(name));
  for (const [name, { depends_on = {} }] of waiting)
    expect(
      Object.keys(depends_on).filter((needed) => names.includes(needed)),
      name,
    ).toEqual([]);
});

test("Prometheus scrapes the hosts that compose.yaml names, and Grafana asks the Prometheus there", async () => {
  const hosts = async (path: string) =>
    Array.from(
      (await Bun.file(join(REPOSITORY, path)).text()).matchAll(/([a-z]+):(?:9\d{3})\b/g),
      ([, host = ""]) => host,
    );
  const scraped = await hosts("deploy/prometheus/prometheus.yml");
  expect(scraped).toContain("alertmanager");
  expect(scraped.length).toBe(ROLES.length);
  const asked = await hosts("deploy/grafana/provisioning/datasources/prometheus.yml");
  expect([...scraped, ...asked].filter((host) => services[host] === undefined)).toEqual([]);
});
