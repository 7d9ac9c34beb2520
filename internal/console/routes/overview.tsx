// The overview and its stream.
import { liveResponse, type Parts, partsOf } from "../live.ts";
import { Overview, OVERVIEW_PARTS } from "../pages/overview.tsx";
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

/** For all viewers of one tick the same HTML, so it is made once. */
const rendered = new WeakMap<object, { readonly version: number; readonly parts: Parts }>();

function events(visit: SignedIn): Response {
  const { collector, clock } = visit.options;
  const parts = () => {
    const known = rendered.get(collector);
    if (known !== undefined && known.version === collector.version) return known.parts;
    const [snapshot, now] = [collector.snapshot(), clock.now()];
    const made = partsOf(
      Object.fromEntries(Object.entries(OVERVIEW_PARTS).map(([id, part]) => [id, part({ snapshot, now })])),
    );
    rendered.set(collector, { version: collector.version, parts: made });
    return made;
  };
  return liveResponse(visit, { parts, watch: (tell) => collector.watch(tell) });
}
