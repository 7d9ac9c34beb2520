#!/usr/bin/env bash
# Expected: a counter that two registries share, one for the Prometheus text format and one for OpenMetrics, has the same name in the Prometheus
#           format before and after a scrape in OpenMetrics. The client supports both formats, and metrics in several registries.
# Happens:  the scrape in OpenMetrics cuts `_total` from the name of the counter itself. Every later scrape in the Prometheus format shows it
#           under another name.
# Matters:  exemplars exist only in OpenMetrics, so a role that links durations to traces serves both formats. After the first scrape by a
#           client that asks for OpenMetrics, alerts and dashboards of all others find no counter any more.
# Seen:     @prometheus-io/client 0.16.1 on Node 26.3.0 and Bun 1.4.5, 2026-11-29.
# Source:   lib/registry.js, `metrics()`: `metric.name = standardizeCounterName(metric.name)`.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --prefix . @prometheus-io/client@0.16.1
cat >seen.cjs <<'JS'
const { Registry, Counter } = require("@prometheus-io/client");
const plain = new Registry();
const open = new Registry(Registry.OPENMETRICS_CONTENT_TYPE);
new Counter({ name: "orders_total", help: "Orders", registers: [plain, open] }).inc();
const shown = async () => (await plain.metrics()).split("\n").find((line) => line.startsWith("orders"));
(async () => {
  console.log(`before a scrape in OpenMetrics: ${await shown()}`);
  await open.metrics();
  console.log(`after it:                       ${await shown()}`);
})();
JS
seen=$(node seen.cjs)
printf 'node %s, @prometheus-io/client 0.16.1\n%s\n' "$(node --version)" "$seen"
[ "$seen" = "before a scrape in OpenMetrics: orders_total 1
after it:                       orders 1" ] || { echo "CHANGED: the counter keeps its name"; exit 1; }
