// Checks that compose.yaml describes the same system as the local stack. Without Docker nothing else would notice a difference.
import { expect, test } from "bun:test";
import { join } from "node:path";
import { YAML } from "bun";
import { settingsOfOperator, settingsOfRole } from "../testkit/role-settings.ts";
import { REPOSITORY } from "./paths.ts";
import { ROLES, SERVING_ROLES } from "./role-env.ts";

interface Service {
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

test("only the payment service gets the key that opens payment tokens", () => {
  const holders = Object.entries(services).filter(
    ([, { environment }]) => environment && "PAYMENT_PRIVATE_JWK" in environment,
  );
  expect(holders.map(([name]) => name)).toEqual(["payment"]);
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
