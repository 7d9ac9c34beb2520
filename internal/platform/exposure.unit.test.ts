// What counts as reachable from elsewhere, and what the roles listen on when nobody says otherwise.
import { expect, test } from "bun:test";
import { config as console } from "../../cmd/console/config.ts";
import { config as gateway } from "../../cmd/gateway/config.ts";
import { config as inventory } from "../../cmd/inventory/config.ts";
import { config as notification } from "../../cmd/notification/config.ts";
import { config as orchestrator } from "../../cmd/orchestrator/config.ts";
import { config as order } from "../../cmd/order/config.ts";
import { config as payment } from "../../cmd/payment/config.ts";
import { config as relay } from "../../cmd/relay/config.ts";
import { isLoopback, warnIfExposed } from "./exposure.ts";

test.each([
  ["127.0.0.1", true],
  ["127.8.8.8", true],
  ["localhost", true],
  ["LOCALHOST", true],
  ["::1", true],
  ["[::1]", true],
  ["0.0.0.0", false],
  ["::", false],
  ["10.0.0.5", false],
  ["127.0.0.1.example.com", false],
  ["shop.example", false],
  ["", false],
])("%s", (host, expected) => {
  expect(isLoopback(host)).toBe(expected);
});

test("a role warns of what others can reach, and of nothing else", () => {
  const warned: unknown[] = [];
  const log = { warn: (fields: object, message: string) => void warned.push([fields, message]) };
  const api = { what: "api", setting: "HOST", port: 80, advice: "put TLS in front of it" } as const;
  warnIfExposed(log, { ...api, host: "127.0.0.1" });
  expect(warned).toEqual([]);
  warnIfExposed(log, { ...api, host: "0.0.0.0" });
  expect(warned).toEqual([
    [
      { host: "0.0.0.0", port: 80 },
      "HOST lets other machines reach the api over plain HTTP: put TLS in front of it, or set HOST to 127.0.0.1",
    ],
  ]);
});

const ROLES = { console, gateway, inventory, notification, orchestrator, order, payment, relay };
test.each(Object.entries(ROLES))("%s listens on 127.0.0.1 unless told otherwise", (_, { properties }) => {
  const hosts = Object.entries(properties).filter(([name]) => /(^|_)HOST$/.test(name));
  expect(hosts.map(([name]) => name)).toContain("OPS_HOST");
  for (const [, schema] of hosts) expect(schema).toMatchObject({ default: "127.0.0.1" });
  const ports = Object.keys(properties).filter((name) => /(^|_)PORT$/.test(name));
  // Each port has the host that it listens on.
  expect(ports.map((name) => name.replace("PORT", "HOST")).filter((name) => !(name in properties))).toEqual(
    [],
  );
});
