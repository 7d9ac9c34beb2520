// Without its key the service would ask inventory in vain, so it does not start.
import { expect, test } from "bun:test";
import { parseConfig } from "../../internal/platform/config.ts";
import { config, faultsOf } from "./config.ts";

const REST = {
  KAFKA_BROKERS: "127.0.0.1:1",
  REDIS_URL: "redis://127.0.0.1",
  DATABASE_URL: "postgres://127.0.0.1/notification",
  SMTP_URL: "smtp://127.0.0.1:1",
};
const faults = (env: Readonly<Record<string, string>>) =>
  faultsOf(parseConfig("notification", config, { ...REST, ...env }));

test("INVENTORY_URL needs NOTIFICATION_PRIVATE_JWK", () => {
  expect(faults({ INVENTORY_URL: "http://127.0.0.1:1" })).toEqual([
    expect.stringContaining("NOTIFICATION_PRIVATE_JWK is missing: with INVENTORY_URL set it"),
  ]);
  expect(faults({ INVENTORY_URL: "http://127.0.0.1:1", NOTIFICATION_PRIVATE_JWK: "{}" })).toEqual([]);
  expect(faults({})).toEqual([]);
});
