// The overview and its stream.
import { liveResponse, shared } from "../live.ts";
import { Overview, OVERVIEW_PARTS } from "../pages/overview.tsx";
import { allOf } from "../parts/live-parts.tsx";
import { page } from "../respond.ts";
import type { SignedIn } from "../visit.ts";
import type { ConsoleRoute } from "./route.ts";

export const overviewRoutes: readonly ConsoleRoute[] = [
  { method: "GET", path: "/", name: "overview", needs: "viewer", handle: overview },
  { method: "GET", path: "/events", name: "overview_events", needs: "viewer", handle: events },
];

async function overview(visit: SignedIn): Promise<Response> {
  const snapshot = await visit.options.collector.fresh();
  return page(visit, <Overview frame={{ ...visit, now: visit.options.clock.now() }} snapshot={snapshot} />);
}

function events(visit: SignedIn): Response {
  const { collector, clock } = visit.options;
  const nodes = () => allOf(OVERVIEW_PARTS, { snapshot: collector.snapshot(), now: clock.now() });
  const parts = () => shared(collector, collector.version, nodes);
  return liveResponse(visit, { parts, watch: (tell) => collector.watch(tell) });
}
