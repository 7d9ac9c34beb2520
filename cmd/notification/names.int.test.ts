// The names of products in mails, through inventory's API on a real Postgres and over a real port, which demands a token.
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import type { SendNotification } from "../../schemas/notification.ts";
import { shopCurrencies } from "../../internal/kernel/shop-currencies.ts";
import { generateCallerKeys } from "../../internal/platform/caller-keys.ts";
import { parseConfig } from "../../internal/platform/config.ts";
import { type HttpServer, serveHttp } from "../../internal/platform/serve-http.ts";
import { catalogueApi } from "../../internal/services/inventory/catalogue-http.ts";
import { mailOf } from "../../internal/services/notification/mails.ts";
import { CONFIRMATION } from "../../internal/testkit/confirmation.ts";
import {
  accessTo,
  AS_ADA,
  asNotification,
  NOTIFICATION_PRIVATE_JWK,
} from "../../internal/testkit/callers.ts";
import { cloneDatabase, type TestDatabase } from "../../internal/testkit/database.ts";
import { noLog } from "../../internal/testkit/noop-telemetry.ts";
import { config } from "./config.ts";
import { namesOf } from "./names.ts";

let database: TestDatabase;
let server: HttpServer;
let url: string;
const refused: object[] = [];
const warned: unknown[] = [];
beforeAll(async () => {
  database = await cloneDatabase("inventory");
  const access = accessTo("inventory", { log: { warn: (fields: object) => void refused.push(fields) } });
  server = serveHttp(
    catalogueApi({ access, database: database.postgres, log: noLog, currencies: shopCurrencies("") }),
    { hostname: "127.0.0.1", port: 0 },
  );
  url = `http://127.0.0.1:${server.port}`;
  expect((await restock(AS_ADA)).status).toBe(200);
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await database[Symbol.asyncDispose]();
});
beforeEach(() => {
  refused.length = 0;
  warned.length = 0;
});

function restock(headers: Readonly<Record<string, string>>) {
  const product = { sku_id: "tea-9", name: "Tea, green", names: { de: "Grüner Tee" } };
  const items = [{ ...product, unit_price_cents: 250, currency: "EUR", add_count: 1 }];
  return fetch(`${url}/catalogue`, {
    method: "PUT",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify({ items }),
  });
}

const command: SendNotification = {
  ...CONFIRMATION,
  order_id: "01900000-0000-7000-8000-000000000003",
  total_cents: 500,
  items: [{ sku_id: "tea-9", quantity: 2, unit_price_cents: 250 }],
};

async function mailWith(privateJwk: string): Promise<string> {
  const settings = parseConfig("notification", config, {
    KAFKA_BROKERS: "127.0.0.1:1",
    REDIS_URL: "redis://127.0.0.1",
    DATABASE_URL: "postgres://127.0.0.1/notification",
    SMTP_URL: "smtp://127.0.0.1:1",
    INVENTORY_URL: url,
    NOTIFICATION_PRIVATE_JWK: privateJwk,
  });
  const log = { ...noLog, warn: ({ err }: { readonly err?: unknown }) => void warned.push(err) };
  const names = await namesOf(settings, log);
  return mailOf(command, { name: "Shop", linkOf: () => null }, await names.of(command)).text;
}

test("a mail calls the product what the catalogue calls it", async () => {
  expect(await mailWith(NOTIFICATION_PRIVATE_JWK)).toContain("2 x Tea, green, 2.50 EUR each");
  expect([refused, warned]).toEqual([[], []]);
});

test("with a key that inventory does not trust the mail shows the SKU, and the log says why", async () => {
  const { privateJwk } = await generateCallerKeys("notification", "reader");
  expect(await mailWith(privateJwk)).toContain("2 x tea-9, 2.50 EUR each");
  expect(refused).toEqual([expect.objectContaining({ reason: "unknown_key" })]);
  expect(warned.map(String)).toEqual([expect.stringContaining("refuses this service (401)")]);
});

test("the key changes nothing in the catalogue", async () => {
  const response = await restock(await asNotification());
  expect(response.status).toBe(403);
  expect(refused).toEqual([
    expect.objectContaining({ reason: "forbidden", actor: "notification", actor_role: "reader" }),
  ]);
});

test("a key of another kind is refused at start", async () => {
  const { privateJwk } = await generateCallerKeys("gateway", "service");
  const starting = mailWith(privateJwk);
  expect(starting).rejects.toThrow('NOTIFICATION_PRIVATE_JWK is not usable: its kind is "service"');
  await starting.catch(() => undefined);
});
