// The files that browsers load besides pages, embedded in the binary as text.
import plotText from "uplot/dist/uPlot.iife.min.js" with { type: "text" };
import { asset, assetsAt } from "../web/asset.ts";
import scriptText from "./client/console.js" with { type: "text" };
import graphsText from "./client/graphs.js" with { type: "text" };
import viewsText from "./client/views.js" with { type: "text" };
import { notFound } from "./problem.ts";

const ICON = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#1d3f7a"/><path d="M7 11h7v7h11M21 14l4 4-4 4" fill="none" stroke="#fff" stroke-width="3" stroke-linecap="round" stroke-linejoin="round"/></svg>`;

export const assets = {
  script: asset("console", "js", "text/javascript; charset=utf-8", scriptText),
  graphs: asset("graphs", "js", "text/javascript; charset=utf-8", graphsText),
  views: asset("views", "js", "text/javascript; charset=utf-8", viewsText),
  uplot: asset("uplot", "js", "text/javascript; charset=utf-8", plotText),
  icon: asset("icon", "svg", "image/svg+xml", ICON),
} as const;

const responseAt = assetsAt(assets);

/** Throws a 404 problem if there is no such file. */
export function assetResponse(path: string, request: Request): Response {
  const found = responseAt(path, request);
  if (found === null) throw notFound("There is no such file.");
  return found;
}
