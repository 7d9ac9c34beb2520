// The pictures of the last hour, and their stream. As JSON for programs.
import { CHARTS } from "../charts.ts";
import { liveResponse, type Parts, partsOf } from "../live.ts";
import { ChartTable, Graphs, partId } from "../pages/graphs.tsx";
import { json, page } from "../respond.ts";
import type { SignedIn } from "../visit.ts";
import type { ConsoleRoute } from "./route.ts";

export const graphRoutes: readonly ConsoleRoute[] = [
  { method: "GET", path: "/graphs", name: "graphs", needs: "viewer", handle: graphs },
  { method: "GET", path: "/graphs/events", name: "graphs_events", needs: "viewer", handle: events },
];

function graphs(visit: SignedIn): Response {
  const { points } = visit.options.history;
  return visit.query.get("as") === "json"
    ? json(points)
    : page(visit, <Graphs frame={visit} points={points} />);
}

/** For all viewers of one point the same HTML, so it is made once. */
const rendered = new WeakMap<object, { readonly at: number | undefined; readonly parts: Parts }>();

function events(visit: SignedIn): Response {
  const { collector, history } = visit.options;
  const parts = () => {
    const { points } = history;
    const at = points.at(-1)?.at;
    const known = rendered.get(history);
    if (known !== undefined && known.at === at) return known.parts;
    const made = partsOf(
      Object.fromEntries(
        CHARTS.map((chart) => [partId(chart.id), <ChartTable chart={chart} points={points} />]),
      ),
    );
    rendered.set(history, { at, parts: made });
    return made;
  };
  return liveResponse(visit, { parts, watch: (tell) => collector.watch(tell) });
}
