// The storefront's metrics. Called by cmd/gateway.
import type { Meter } from "../kernel/telemetry.ts";
import type { StorefrontCounts } from "./options.ts";

export function storefrontMetrics(meter: Meter): StorefrontCounts {
  const pages = meter.counter(
    "storefront_pages_total",
    "Answers of the storefront, by page and HTTP status",
    ["page", "status"],
  );
  const reports = meter.counter(
    "storefront_csp_reports_total",
    "Reports of browsers that something on a page was blocked by its content security policy, by directive",
    ["directive"],
  );
  const refused = meter.counter(
    "storefront_foreign_posts_total",
    "Forms that were refused because they came from another site",
  );
  return {
    page: (page, status) => pages.inc({ page, status: String(status) }),
    cspReport: (directive) => reports.inc({ directive }),
    refusedOrigin: () => refused.inc({}),
  };
}
