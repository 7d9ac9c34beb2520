// `checkoutctl order` against the order service's API on a real Postgres.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { orderApi } from "../../internal/services/order/order-http.ts";
import { orderHandler } from "../../internal/services/order/handler.ts";
import { orchestratorApi } from "../../internal/orchestrator/api.ts";
import { orderNumberOf } from "../../internal/kernel/order-number.ts";
import { applyOnce } from "../../internal/messaging/inbox-transaction.ts";
import { type HttpServer, serveHttp } from "../../internal/platform/serve-http.ts";
import { Checkoutctl, type Environment } from "../../internal/testkit/checkoutctl.ts";
import { createOrder } from "../../internal/testkit/commands.ts";
import { cloneDatabase, type TestDatabase } from "../../internal/testkit/database.ts";
import { eventOf } from "../../internal/testkit/events.ts";
import { TestOrchestrator } from "../../internal/testkit/orchestrator.ts";
import type { OrderCancelAnswer } from "../../internal/operations/orchestrator.ts";
import type { ShipmentRecorded } from "../../schemas/http.ts";
import { accessTo } from "../../internal/testkit/callers.ts";

const T0 = Date.parse("2026-11-23T12:00:00.000Z");
const newId = () => Bun.randomUUIDv7();

let orchestrator: TestOrchestrator;
let sagas: HttpServer;
let tool: Checkoutctl;
let database: TestDatabase;
let server: HttpServer;
let env: Environment;
beforeAll(async () => {
  tool = await Checkoutctl.open();
  database = await cloneDatabase("order");
  const log = { info: () => undefined, error: () => undefined };
  const api = orderApi({
    access: accessTo("order"),
    database: database.postgres,
    clock: { now: () => T0 },
    newId,
    log,
  });
  server = serveHttp(api, { hostname: "127.0.0.1", port: 0 });
  orchestrator = await TestOrchestrator.open();
  const sagaApi = orchestratorApi({
    intake: orchestrator.intake(),
    ...orchestrator.apiParts(),
    onError: () => undefined,
  });
  sagas = serveHttp(sagaApi, { hostname: "127.0.0.1", port: 0 });
  env = {
    ORDER_URL: `http://127.0.0.1:${server.port}`,
    ORDER_DATABASE_URL: database.url,
    ORCHESTRATOR_URL: `http://127.0.0.1:${sagas.port}`,
  };
});
afterAll(async () => {
  await sagas[Symbol.asyncDispose]();
  await orchestrator[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
  await database[Symbol.asyncDispose]();
  await tool[Symbol.asyncDispose]();
});

async function confirmed(message = createOrder(newId())): Promise<string> {
  const raw = () => {
    throw new Error("a test message has no Kafka record");
  };
  const handler = orderHandler({ policy: { blockedCountries: new Set() }, alert: () => undefined });
  const clock = { now: () => T0 };
  const context = { handler, database: database.postgres, clock, newId, random: Math.random };
  await applyOnce(context, [{ message, value: message, raw }]);
  return message.message_id;
}

const why = ["--reason", "packed"];
const dhl = ["--tracking", "JD0146", "--carrier", "DHL"];

test("ships an order once, and delivers it once", async () => {
  const id = await confirmed();
  const ship = ["order", "ship", id, ...dhl, ...why];
  const first = await tool.json<ShipmentRecorded>(ship, env);
  const tracking = { carrier: "DHL", number: "JD0146" };
  expect(first).toMatchObject({ changed: true, order_id: id, status: "SHIPPED", tracking });
  const again = await tool.run(ship, env);
  expect([again.code, again.stdout]).toEqual([
    0,
    `order ${id} was SHIPPED with DHL JD0146 already, nothing was changed\n`,
  ]);
  const deliver = ["order", "deliver", id, ...why];
  expect((await tool.run(deliver, env)).stdout).toBe(`order ${id} is DELIVERED with DHL JD0146\n`);
  expect((await tool.run(deliver, env)).stdout).toContain("was DELIVERED with DHL JD0146 already");
  const shown = await tool.run(["order", "show", id], env);
  expect(shown.code).toBe(0);
  const number = orderNumberOf(id);
  for (const text of [
    "DELIVERED",
    "DHL JD0146",
    "6.00 EUR",
    "Ada, 1 Road, 75001 Paris, FR",
    "2.50 EUR",
    number,
  ])
    expect(shown.stdout).toContain(text);
  expect((await tool.run(["order", "show", number.toLowerCase().replaceAll("-", "")], env)).stdout).toBe(
    shown.stdout,
  );
});

test("an order number that two orders share, or none has, leads to the id", async () => {
  const at = Date.parse("2026-11-29T12:00:00.123Z").toString(16).padStart(12, "0");
  const idWith = (random: string, tail = "0123456789ab") =>
    `${at.slice(0, 8)}-${at.slice(8)}-7${random}-8${random}-${tail}`;
  // Another time within the second, and the same last 35 bits.
  const twins = [idWith("001"), idWith("002")];
  const single = idWith("003", "0123456789ac");
  for (const message_id of [...twins, single]) await confirmed({ ...createOrder(newId()), message_id });
  const show = (number: string) => tool.run(["order", "show", number], env);
  expect((await show(orderNumberOf(single))).stdout).toContain(single);
  const [twin = ""] = twins;
  const both = await show(orderNumberOf(twin));
  expect([both.code, both.stdout]).toEqual([3, ""]);
  expect(both.stderr).toContain(
    `2 orders have the number ${orderNumberOf(twin)}, give the id: ${twins.join(", ")}`,
  );
  const none = await show(orderNumberOf(idWith("004", "0123456789ad")));
  expect([none.code, none.stderr]).toEqual([3, expect.stringContaining("there is no order with number")]);
  expect((await show("6G0P6-6GB06-MER3")).stderr).toContain("an order number, like");
});

test("other tracking is refused, and corrected on request", async () => {
  const id = await confirmed();
  await tool.run(["order", "ship", id, ...dhl, ...why], env);
  const other = [
    "order",
    "ship",
    id,
    "--tracking",
    "1Z9",
    "--carrier",
    "UPS",
    "--tracking-url",
    "https://ups.example/1Z9",
    ...why,
  ];
  const refused = await tool.run(other, env);
  expect([refused.code, refused.stdout]).toEqual([3, ""]);
  expect(refused.stderr).toContain(
    "the order is SHIPPED with tracking JD0146 of DHL: correct it with --correct",
  );
  expect(await tool.json<ShipmentRecorded>([...other, "--correct"], env)).toMatchObject({
    changed: true,
    tracking: { carrier: "UPS", number: "1Z9", url: "https://ups.example/1Z9" },
  });
});

test("cancels the order of a completed checkout once, and says how far it is", async () => {
  const saga_id = await orchestrator.start();
  await orchestrator.complete(saga_id);
  const { position } = await orchestrator.saga(saga_id);
  const message_id = position.kind === "completed" ? position.order_id : "";
  const id = await confirmed({ ...createOrder(saga_id), message_id });
  const cancel = ["order", "cancel", id, ...why];
  expect(await tool.json<OrderCancelAnswer>(cancel, env)).toMatchObject({
    order_id: id,
    saga_id,
    started_now: true,
    status: "CANCELLING",
    step: "order",
    needs_operator: false,
  });
  await orchestrator.handle(eventOf("OrderCancelled", saga_id));
  const again = await tool.run(cancel, env);
  expect([again.code, again.stdout]).toEqual([
    0,
    `order ${id} was being cancelled already: the payment is being refunded\n`,
  ]);
  for (const type of ["RefundCompleted", "InventoryReleased"] as const)
    await orchestrator.handle(eventOf(type, saga_id));
  expect((await tool.run(cancel, env)).stdout).toBe(
    `order ${id} was cancelled already, nothing was changed\n`,
  );
});

test("cancels no order that is sent, unknown, or of a checkout in progress", async () => {
  const saga_id = await orchestrator.start();
  const [sent, early, unknown] = [await confirmed(), await confirmed(createOrder(saga_id)), newId()];
  await tool.run(["order", "ship", sent, ...why], env);
  const nobody = { ...env, ORCHESTRATOR_URL: "http://127.0.0.1:9" };
  for (const [id, at, code, text] of [
    [sent, env, 3, `order ${sent} is SHIPPED: only an order that is not sent is cancelled`],
    [early, env, 3, `the checkout is STARTED: use \`checkoutctl saga cancel ${saga_id}\``],
    [unknown, env, 3, `there is no order ${unknown}`],
    [early, nobody, 4, "correct ORCHESTRATOR_URL"],
  ] as const) {
    const run = await tool.run(["order", "cancel", id, ...why], at);
    expect([run.code, run.stdout, run.stderr]).toEqual([code, "", expect.stringContaining(text)]);
  }
});

test("takes a saga's id to show its order, and names the order to cancel", async () => {
  const saga_id = newId();
  const id = await confirmed(createOrder(saga_id));
  const shown = await tool.run(["order", "show", saga_id], env);
  expect([shown.code, shown.stdout]).toEqual([0, expect.stringMatching(new RegExp(`^order +${id}$`, "m"))]);
  expect(shown.stderr).toBe(`checkoutctl: ${saga_id} is a saga; this is its order, ${id}\n`);
  expect((await tool.run(["order", "show", id], env)).stderr).toBe("");
  const cancel = await tool.run(["order", "cancel", saga_id, ...why], env);
  expect([cancel.code, cancel.stderr]).toEqual([
    3,
    expect.stringContaining(`there is no order ${saga_id}; it is a saga, and its order is ${id}`),
  ]);
});

test("lists orders by status and shopper, newest first", async () => {
  const [older, newer] = [await confirmed(), await confirmed()];
  await tool.run(["order", "ship", older, ...why], env);
  const ids = async (...filter: readonly string[]) =>
    (await tool.json<{ order_id: string }[]>(["order", "ls", ...filter], env)).map(
      ({ order_id }) => order_id,
    );
  expect((await ids()).slice(0, 2)).toEqual([newer, older]);
  expect((await ids("--status", "CONFIRMED")).includes(older)).toBe(false);
  expect((await ids("--status", "SHIPPED"))[0]).toBe(older);
  expect((await ids("--status", "shipped"))[0]).toBe(older);
  expect(await ids("--user", newId())).toEqual([]);
  const text = await tool.run(["order", "ls", "--limit", "1"], env);
  expect(text.stdout.trim().split("\n")).toHaveLength(2);
});

test("says what is wrong, with the exit codes of the other commands", async () => {
  const id = await confirmed();
  const at = async (args: readonly string[], environment = env) => {
    const { code, stdout, stderr } = await tool.run(args, environment);
    return { code, stdout, stderr };
  };
  const unknown = newId();
  const nobody = { ...env, ORDER_URL: "http://127.0.0.1:9" };
  const cases = [
    [await at(["order", "deliver", id, ...why]), 3, "the order is CONFIRMED: ship it first"],
    [await at(["order", "ship", unknown, ...dhl, ...why]), 3, `there is no order ${unknown}`],
    [await at(["order", "show", unknown]), 3, `there is no order ${unknown}`],
    [
      await at(["order", "ship", id, "--tracking", "JD0146", ...why]),
      2,
      "error: --tracking and --carrier go together",
    ],
    [await at(["order", "ship", id, ...dhl]), 2, "--reason"],
    [await at(["order", "ship", id, "--tracking", "a b", "--carrier", "DHL", ...why]), 2, "1 to 64 letters"],
    [await at(["order", "ship", "x", ...why]), 2, "UUID"],
    [await at(["order", "ship", id, ...dhl, ...why], nobody), 4, "correct ORDER_URL"],
    [await at(["order", "ship", id, ...dhl, ...why], { ORDER_DATABASE_URL: database.url }), 78, "ORDER_URL"],
  ] as const;
  for (const [{ code, stdout, stderr }, expected, text] of cases) {
    expect([code, stdout]).toEqual([expected, ""]);
    expect(stderr).toContain(text);
  }
});
