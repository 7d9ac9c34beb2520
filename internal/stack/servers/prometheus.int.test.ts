// An alert of our rules on its whole way: from the metrics of a process through Prometheus and Alertmanager to the receiver, and back.
import { expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { Metrics } from "../../platform/metrics.ts";
import { newDataDirectory } from "../../testkit/data-directory.ts";
import { RULE_FILES, RULES_FOLDER } from "../../tools/alert-rules.ts";
import { drillRules } from "../alerts-drill/drill-rules.ts";
import { start } from "../managed.ts";
import { leasePorts } from "../ports.ts";
import { waitUntil } from "../wait.ts";
import type { CaughtAlert } from "./alert-catcher.ts";
import { prometheusServers } from "./prometheus.ts";

const SOON = { timeoutMs: 30_000, intervalMs: 200 };

test("a role that is gone raises RoleAbsent at who is on call, and one that is back ends it; the Watchdog always comes", async () => {
  await using held = new AsyncDisposableStack();
  const directory = newDataDirectory("prometheus-test");
  held.defer(() => rmSync(directory, { recursive: true, force: true }));
  const ports = leasePorts(directory);
  held.defer(() => ports.release());
  const rulesFolder = join(directory, "rules");
  for (const file of RULE_FILES)
    await Bun.write(join(rulesFolder, file), drillRules(await Bun.file(join(RULES_FOLDER, file)).text()));
  const relayPort = ports.next();
  const servers = prometheusServers({
    rulesFolder,
    everySecond: true,
    ports: { prometheus: ports.next(), alertmanager: ports.next(), catcher: ports.next() },
    targets: { "checkout-relay": [`127.0.0.1:${relayPort}`] },
    dataDirectory: directory,
    logFile: (name) => join(directory, `${name}.log`),
  });
  for (const definition of servers) {
    const managed = await start(definition);
    held.defer(async () => void (await managed.stop()));
  }
  const last = async (name: string, role?: string) => {
    const caught: CaughtAlert[] = await (await fetch(servers[0]?.address ?? "")).json();
    return caught.findLast(({ labels }) => labels["alertname"] === name && labels["role"] === role);
  };

  // given no role at all
  await waitUntil(
    "the relay is missed",
    async () => (await last("RoleAbsent", "relay"))?.status === "firing",
    SOON,
  );
  expect(await last("RoleAbsent", "relay")).toMatchObject({
    receiver: "pages",
    labels: { severity: "page", team: "checkout" },
    annotations: { runbook_url: "docs/runbook.md#a-role-or-its-metrics-are-missing" },
  });
  // other receivers and other roles hear of it in messages of their own, in any order
  await waitUntil(
    "the notification is missed, too",
    async () => (await last("RoleAbsent", "notification"))?.receiver === "tickets",
    SOON,
  );
  await waitUntil("the Watchdog comes", async () => (await last("Watchdog"))?.receiver === "watchdog", SOON);
  await waitUntil(
    "the order service is missed, too",
    async () => (await last("RoleAbsent", "order"))?.status === "firing",
    SOON,
  );
  // when the relay's metrics can be read
  const { contentType, text } = await new Metrics().expose();
  const relay = Bun.serve({
    hostname: "127.0.0.1",
    port: relayPort,
    fetch: () => new Response(text, { headers: { "content-type": contentType } }),
  });
  held.defer(() => relay.stop(true));
  await waitUntil("it stops", async () => (await last("RoleAbsent", "relay"))?.status === "resolved", SOON);
  // then the others are still missed
  expect((await last("RoleAbsent", "order"))?.status).toBe("firing");
});
