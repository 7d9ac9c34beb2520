// Outboxes: what waits in them, how far back they reach, and the form for a plan to publish them again (routes/runs.tsx makes it).
import { DATABASES } from "../../../schemas/migrations.ts";
import { ask } from "../../operations/ask.ts";
import { REPUBLISH_PER_SECOND } from "../../operations/plan-defaults.ts";
import type { RepublishRequest } from "../../operations/plan-republish.ts";
import { oldestHeld } from "../../operations/republish-store.ts";
import { instantOf } from "../../operations/saga-query.ts";
import { outboxColumns, Outboxes, type OutboxRow } from "../pages/outboxes.tsx";
import { badRequest } from "../problem.ts";
import { exported, page } from "../respond.ts";
import type { SignedIn } from "../visit.ts";
import type { ConsoleRoute } from "./route.ts";

export const outboxRoutes: readonly ConsoleRoute[] = [
  { method: "GET", path: "/outboxes", name: "outboxes", needs: "viewer", handle: list },
];

/** One that does not answer is shown as unknown, and the others are shown. */
const HELD_TIMEOUT_MS = 2_000;

async function list(visit: SignedIn): Promise<Response> {
  const { options, now } = visit;
  const { collector, databases, clock } = options;
  const asked = { clock, timeoutMs: HELD_TIMEOUT_MS, unknownSince: null };
  const [{ outboxes }, held] = await Promise.all([
    collector.fresh(),
    Promise.all(DATABASES.map((name) => ask(() => oldestHeld(databases[name]), asked))),
  ]);
  const rows = outboxes.flatMap((one): OutboxRow[] => {
    const oldest = held[DATABASES.indexOf(one.database)];
    return oldest === undefined ? [] : [{ ...one, held: oldest }];
  });
  return (
    exported(visit, "outboxes", outboxColumns(now), rows) ??
    page(visit, <Outboxes frame={visit} rows={rows} />)
  );
}

/** From the form of the page. Whether the times make sense is decided where the plan is made. */
export function republishRequestOf(form: URLSearchParams): RepublishRequest {
  const text = (name: string) => form.get(name)?.trim() || null;
  const time = (name: "since" | "until") => {
    const given = text(name);
    const at = given === null ? null : instantOf(given);
    if (at === undefined) throw badRequest(`${name} must be a time such as 2026-11-23T12:00:00Z.`);
    return at;
  };
  const since = time("since");
  if (since === null) throw badRequest("since must be a time: publish again from when on?");
  const database = text("database");
  const databases = DATABASES.filter((one) => database === null || one === database);
  if (databases.length === 0) throw badRequest(`There is no outbox ${String(database).slice(0, 50)}.`);
  const ratePerSecond = Number(text("rate") ?? REPUBLISH_PER_SECOND);
  return { databases, since, until: time("until"), publishedBefore: null, ratePerSecond };
}
