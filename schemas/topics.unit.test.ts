import { expect, test } from "bun:test";
import { sagaHandler } from "../internal/orchestrator/handler.ts";
import { inventoryHandler } from "../internal/services/inventory/handler.ts";
import { NOTIFICATIONS } from "../internal/services/notification/notifications.ts";
import { orderHandler } from "../internal/services/order/handler.ts";
import { paymentHandler } from "../internal/services/payment/handler.ts";
import { POLICY } from "../internal/testkit/orchestrator.ts";
import { ignore } from "../internal/testkit/noop-telemetry.ts";
import { SUBSCRIPTIONS } from "./topics.ts";

test("SUBSCRIPTIONS names every service with the topics that it really reads", () => {
  const observer = { decided: ignore, unknown: ignore, changed: ignore };
  const consumers = [
    sagaHandler(POLICY, observer),
    inventoryHandler({ policy: { holdMs: 1 }, onCommitted: ignore }),
    paymentHandler({ serves: () => true, wakeExecutor: ignore }),
    orderHandler({ policy: { blockedCountries: new Set() }, alert: ignore }),
    NOTIFICATIONS,
  ];
  expect(SUBSCRIPTIONS as unknown).toEqual(
    Object.fromEntries(consumers.map(({ service, topics }) => [service, topics])),
  );
});
