import { expect, test } from "bun:test";
import { Metrics } from "./metrics.ts";
import { OpsServer } from "./ops-http.ts";

function start(metrics = new Metrics()): OpsServer {
  return new OpsServer({ hostname: "127.0.0.1", port: 0, metrics, checkTimeoutMs: 50 });
}

function get(ops: OpsServer, path: string): Promise<Response> {
  return fetch(`http://127.0.0.1:${ops.port}${path}`);
}

test("while a required check is down, healthz is 200 and readyz is 503 with the reason", async () => {
  await using ops = start();
  ops.addCheck("database", () => Promise.reject(new Error("connection refused")));
  ops.addCheck("redis", () => Promise.reject(new Error("away")), { required: false });
  expect((await get(ops, "/healthz")).status).toBe(200);
  const response = await get(ops, "/readyz");
  expect(response.status).toBe(503);
  expect(await response.json()).toEqual({
    status: "not_ready",
    checks: {
      database: { status: "down", required: true, reason: "connection refused" },
      redis: { status: "down", required: false, reason: "away" },
    },
  });
});

test("an optional check that is down does not make the role unready", async () => {
  await using ops = start();
  ops.addCheck("database", () => Promise.resolve());
  ops.addCheck("redis", () => Promise.reject(new Error("away")), { required: false });
  expect((await get(ops, "/readyz")).status).toBe(200);
});

test("a check that hangs counts as down and does not block the answer", async () => {
  await using ops = start();
  ops.addCheck("database", () => new Promise(() => undefined));
  const response = await get(ops, "/readyz");
  expect(response.status).toBe(503);
  expect(await response.text()).toContain("no answer within");
});

test("metrics are exposed with their labels, next to the process metrics", async () => {
  const metrics = new Metrics();
  await using ops = start(metrics);
  metrics.counter("messages_total", "Messages handled.", ["type"]).inc({ type: "ReserveInventory" }, 3);
  metrics.gauge("outbox_unpublished", "Rows not published yet.", [], () => Promise.resolve(7));
  metrics.histogram("batch_seconds", "Time per batch.", ["service"]).observe({ service: "order" }, 0.02);
  const text = await (await get(ops, "/metrics")).text();
  expect(text).toContain('checkout_messages_total{type="ReserveInventory"} 3');
  expect(text).toContain("checkout_outbox_unpublished 7");
  expect(text).toContain('checkout_batch_seconds_bucket{le="0.025",service="order"} 1');
  expect(text).toContain("process_cpu_seconds_total");
});

test("the error for a port in use names the port", async () => {
  const metrics = new Metrics();
  await using ops = start(metrics);
  expect(() => new OpsServer({ hostname: "127.0.0.1", port: ops.port, metrics })).toThrow(
    `127.0.0.1:${ops.port}`,
  );
});
