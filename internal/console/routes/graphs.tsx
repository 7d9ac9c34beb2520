// The pictures of the last hour, and their stream. As JSON for programs.
import { CHARTS } from "../charts.ts";
import { liveResponse, shared } from "../live.ts";
import { ChartTable, Graphs, partId } from "../pages/graphs.tsx";
import { page } from "../respond.ts";
import { json } from "../../web/respond.ts";
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

function events(visit: SignedIn): Response {
  const { collector, history } = visit.options;
  const nodes = () =>
    Object.fromEntries(
      CHARTS.map((chart) => [partId(chart.id), <ChartTable chart={chart} points={history.points} />]),
    );
  const parts = () => shared(history, history.points.at(-1)?.at, nodes);
  return liveResponse(visit, { parts, watch: (tell) => collector.watch(tell) });
}
