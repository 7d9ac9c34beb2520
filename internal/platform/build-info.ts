// Which version a process runs, as a metric, so that `checkoutctl doctor` and a dashboard see processes of different versions. Called
// by lifecycle.ts for every role.
import type { Metrics } from "./metrics.ts";

export function registerBuildInfo(metrics: Metrics, version: string): void {
  const info = metrics.gauge("build_info", "Always 1; the label has the version of this process", [
    "version",
  ]);
  info.set({ version }, 1);
}
