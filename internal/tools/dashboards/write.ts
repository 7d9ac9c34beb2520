// `bun run dashboards`: writes deploy/grafana/dashboards from overview.ts and services.ts.
import { contentOf, DASHBOARDS, fileOf } from "./dashboards.ts";

for (const dashboard of DASHBOARDS) await Bun.write(fileOf(dashboard), contentOf(dashboard));
