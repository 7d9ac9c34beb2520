// Plans and runs: made, looked at, started and steered. The console executes them in the background (cmd/console); a lease lets one process at
// a time work on a run. What is done is in the audit trail by the functions that do it.
import { Value } from "@sinclair/typebox/value";
import { Uuid } from "../../../schemas/fields.ts";
import { within } from "../../operations/ask.ts";
import type { BulkContext } from "../../operations/bulk-context.ts";
import { BULK_KINDS, type Operator, RUN_STATES, type RunState } from "../../operations/plan.ts";
import { PLAN_DEFAULTS } from "../../operations/plan-defaults.ts";
import { type ItemRow, plannedGroups } from "../../operations/plan-store.ts";
import { createRepublishPlan } from "../../operations/plan-republish.ts";
import {
  allItemsOf,
  createPlan,
  itemsOf,
  listRuns,
  planOf,
  type PlanRequest,
  type RunView,
} from "../../operations/plans.ts";
import { reached } from "../../operations/reach.ts";
import { sagasWithWaitingMails } from "../../operations/saga-mails-store.ts";
import { changeRate, pauseRun, resumeRun, startRun, stopRun } from "../../operations/runs.ts";
import { done, noted, reasonOf } from "../acts.ts";
import { polled } from "../live.ts";
import { type ItemPart, RUN_PARTS, RunPage, SHOWN_OUTCOMES, type ShownRun } from "../pages/run.tsx";
import { Runs } from "../pages/runs.tsx";
import { allOf } from "../parts/live-parts.tsx";
import { itemColumns, itemMore, sagasOfMails, type WaitingMails } from "../parts/run-items.tsx";
import { badRequest, notFound } from "../problem.ts";
import { exported, isExport, page, wantsData } from "../respond.ts";
import { json, seeOther } from "../../web/respond.ts";
import type { SignedIn } from "../visit.ts";
import { deadLetterFilterOf } from "./dead-letters.tsx";
import { republishRequestOf } from "./outboxes.tsx";
import type { ConsoleRoute } from "./route.ts";

export const runRoutes: readonly ConsoleRoute[] = [
  { method: "GET", path: "/runs", name: "runs", needs: "viewer", handle: list },
  { method: "POST", path: "/runs/plan", name: "run_plan", needs: "operator", handle: plan },
  { method: "GET", path: "/runs/:id", name: "run", needs: "viewer", handle: runPage },
  { method: "GET", path: "/runs/:id/events", name: "run_events", needs: "viewer", handle: events },
  { method: "POST", path: "/runs/:id/start", name: "run_start", needs: "operator", handle: start },
  {
    method: "POST",
    path: "/runs/:id/pause",
    name: "run_pause",
    needs: "operator",
    handle: steer(pauseRun, "run.pause", "The run is paused."),
  },
  {
    method: "POST",
    path: "/runs/:id/resume",
    name: "run_resume",
    needs: "operator",
    handle: resume,
  },
  {
    method: "POST",
    path: "/runs/:id/stop",
    name: "run_stop",
    needs: "operator",
    handle: steer(stopRun, "run.stop", "The run is stopped."),
  },
  { method: "POST", path: "/runs/:id/rate", name: "run_rate", needs: "operator", handle: rate },
];

const PAGE_ROWS = 50;
const SHOWN_ITEMS = 50;
const MAILS_MS = 1_000;
/** In the audit trail, as for the command line. */
const NO_REASON = "none given";
/** How long the stream of a run lets it alone. Only an executor changes one by the second. */
const REST_MS: Readonly<Record<RunState, number>> = {
  draft: 3_000,
  running: 0,
  paused: 0,
  stopped: 3_000,
  done: 15_000,
  expired: 15_000,
};

async function list(visit: SignedIn): Promise<Response> {
  const { query, options } = visit;
  const asked = query.get("state");
  const state = RUN_STATES.find((one) => one === asked) ?? null;
  if (asked !== null && state === null) throw badRequest(`There is no state ${asked.slice(0, 50)}.`);
  const before = query.get("before");
  if (before !== null && !Value.Check(Uuid, before)) throw badRequest("before must be the id of a run.");
  const runs = await listRuns(options.bulk, { state, before, limit: PAGE_ROWS });
  const last = runs.length < PAGE_ROWS ? undefined : runs.at(-1);
  const older =
    last === undefined
      ? null
      : `/runs?${new URLSearchParams({ ...(state === null ? {} : { state }), before: last.plan_id })}`;
  return page(visit, <Runs frame={visit} runs={runs} state={state} older={older} />);
}

async function plan(visit: SignedIn): Promise<Response> {
  const { form, options } = visit;
  const kind = BULK_KINDS.find((one) => one === form.get("kind"));
  if (kind === undefined)
    throw badRequest("A plan replays or discards dead letters, or publishes outboxes again.");
  const create = kind === "outbox.republish" ? ofOutboxes(visit) : ofDeadLetters(visit, kind);
  const act = { action: "plan.create", subject: kind, reason: "a plan needs none" } as const;
  const made = await noted(visit, act, () => create(options.bulk, operatorOf(visit)));
  const path = `/runs/${made.plan_id}`;
  return wantsData(visit.request) ? json({ message: "The plan is made.", next: path }) : seeOther(path);
}

type CreatePlan = (bulk: BulkContext, actor: Operator) => Promise<RunView>;

function ofOutboxes({ form }: SignedIn): CreatePlan {
  const request = republishRequestOf(form);
  return (bulk, actor) => createRepublishPlan(bulk, actor, request);
}

function ofDeadLetters({ form }: SignedIn, kind: PlanRequest["kind"]): CreatePlan {
  const id = form.get("id");
  if (id !== null && !Value.Check(Uuid, id)) throw badRequest("id must be the id of a dead letter.");
  const request: PlanRequest = {
    kind,
    filter: id === null ? deadLetterFilterOf(form) : { ids: [id] },
    everything: form.has("everything"),
    allowsQuarantined: kind === "dead-letter.replay" && form.has("quarantined"),
    ...PLAN_DEFAULTS[kind],
  };
  return (bulk, actor) => createPlan(bulk, actor, request);
}

/** For the audit trail, with where they are. */
function operatorOf({ actor, request, options }: SignedIn): Operator {
  const address = options.addressOf(request);
  return address === null ? actor : { ...actor, address };
}

function idOf({ params }: SignedIn): string {
  const id = params["id"] ?? "";
  if (!Value.Check(Uuid, id)) throw notFound("There is no such plan or run.");
  return id;
}

async function loaded(visit: SignedIn): Promise<ShownRun> {
  const { query, options } = visit;
  const id = idOf(visit);
  const part = itemPartOf(query);
  const [run, found] = await Promise.all([
    planOf(options.bulk, id),
    itemsOf(options.bulk, id, { ...part, limit: SHOWN_ITEMS + 1 }),
  ]);
  const items = found.slice(0, SHOWN_ITEMS);
  const next = found.length > SHOWN_ITEMS ? (items.at(-1)?.position ?? null) : null;
  // Its start asks for the id of its one message.
  const [only] = run.allows_quarantined ? await itemsOf(options.bulk, id, { limit: 1 }) : [];
  const groups = run.state === "draft" ? await plannedGroups(options.databases.saga, id) : [];
  return { run, items, part: { ...part, next }, only, groups, waiting: await waitingOf(visit, items) };
}

/** A database that does not answer holds up nothing else of the page. */
async function waitingOf({ options }: SignedIn, items: readonly ItemRow[]): Promise<WaitingMails> {
  const sagas = sagasOfMails(items);
  if (sagas.length === 0) return new Set();
  const { notification } = options.databases;
  const found = await reached("notification", () =>
    within(MAILS_MS, () => sagasWithWaitingMails(notification, sagas)),
  );
  return "answer" in found ? found.answer : null;
}

function itemPartOf(query: URLSearchParams): Omit<ItemPart, "next"> {
  const asked = query.get("outcome") || null;
  const outcome = SHOWN_OUTCOMES.find((one) => one === asked) ?? null;
  if (asked !== null && outcome === null) throw badRequest(`There is no outcome ${asked.slice(0, 50)}.`);
  const after = query.get("after") ?? "-1";
  if (!/^(-1|\d{1,9})$/.test(after)) throw badRequest("after must be the position of a decision.");
  return { outcome, after: Number(after) };
}

async function runPage(visit: SignedIn): Promise<Response> {
  if (isExport(visit)) {
    const { plan_id, items } = await allDecisions(visit);
    const file = exported(visit, `run-${plan_id}`, [...itemColumns, ...itemMore], items);
    if (file !== null) return file;
  }
  return page(visit, <RunPage frame={visit} {...await loaded(visit)} now={visit.now} />);
}

async function allDecisions(visit: SignedIn) {
  const { bulk } = visit.options;
  const id = idOf(visit);
  const { outcome } = itemPartOf(visit.query);
  const { plan_id } = await planOf(bulk, id);
  return { plan_id, items: await allItemsOf(bulk, plan_id, outcome) };
}

function events(visit: SignedIn): Promise<Response> {
  return polled(visit, {
    load: () => loaded(visit),
    parts: (shown, now) => allOf(RUN_PARTS, { frame: visit, ...shown, now }),
    restMs: ({ run }) => REST_MS[run.state],
  });
}

async function start(visit: SignedIn): Promise<Response> {
  const { form, params, options } = visit;
  const typed = form.get("confirm")?.trim() ?? "";
  const reason = reasonOf(visit);
  const request = {
    reason,
    typedCount: /^\d{1,9}$/.test(typed) ? Number(typed) : null,
    typedId: typed === "" ? null : typed,
    pauseAfter: pauseAfterOf(visit),
  };
  return steered(visit, "run.start", reason, "The run has started.", () =>
    startRun(options.bulk, operatorOf(visit), params["id"] ?? "", request),
  );
}

async function resume(visit: SignedIn): Promise<Response> {
  const reason = reasonOf(visit);
  const pauseAfter = pauseAfterOf(visit);
  return steered(visit, "run.resume", reason, "The run goes on.", () =>
    resumeRun(visit.options.bulk, operatorOf(visit), visit.params["id"] ?? "", reason, pauseAfter),
  );
}

/** Null: to its end. */
function pauseAfterOf({ form }: SignedIn): number | null {
  const typed = (form.get("pause_after") ?? "").trim();
  if (typed === "") return null;
  if (!/^[1-9]\d{0,8}$/.test(typed))
    throw badRequest("A run pauses itself after a whole number of messages, from 1 to 999999999.");
  return Number(typed);
}

/** Of the acts that need a reason and nothing else. A pause needs none: the run goes on for as long as a person types. */
function steer(
  act: typeof pauseRun,
  action: "run.pause" | "run.stop",
  message: string,
): (visit: SignedIn) => Promise<Response> {
  return async (visit) => {
    const isSilent = action === "run.pause" && (visit.form.get("reason") ?? "").trim() === "";
    const reason = isSilent ? NO_REASON : reasonOf(visit);
    return steered(visit, action, reason, message, () =>
      act(visit.options.bulk, operatorOf(visit), visit.params["id"] ?? "", reason),
    );
  };
}

async function rate(visit: SignedIn): Promise<Response> {
  const { form, params, options } = visit;
  const value = Number(form.get("rate"));
  const reason = reasonOf(visit);
  return steered(visit, "run.rate", reason, "The rate is changed.", () =>
    changeRate(options.bulk, operatorOf(visit), params["id"] ?? "", value, reason),
  );
}

async function steered(
  visit: SignedIn,
  action: "run.start" | "run.pause" | "run.resume" | "run.stop" | "run.rate",
  reason: string,
  message: string,
  work: () => Promise<RunView>,
): Promise<Response> {
  const subject = visit.params["id"] ?? "";
  const { plan_id } = await noted(visit, { action, subject, reason }, work);
  const path = `/runs/${plan_id}`;
  // The page of a plan is another one than that of its run, so a script loads it again.
  return wantsData(visit.request) ? json({ message, next: path }) : done(visit, path, message);
}
