// The list of sagas, one saga with its stream, and what can be done with it.
import { Value } from "@sinclair/typebox/value";
import type { Sql } from "postgres";
import { Uuid } from "../../../schemas/fields.ts";
import {
  type CancelledBy,
  cancelledBy,
  type OpenCancellation,
  openCancellationOf,
} from "../../operations/cancellation-store.ts";
import { cancelOrder, cancelSaga } from "../../operations/orchestrator.ts";
import { timestampOf } from "../../kernel/timestamp.ts";
import { formatSagaQuery, parseSagaQuery, type SagaQuery } from "../../operations/saga-query.ts";
import { MAX_PRODUCTS, type SagaPage as FoundPage, searchSagas } from "../../operations/saga-search.ts";
import type { ServiceAt } from "../../operations/service-call.ts";
import { type SagaMails, withMails } from "../../operations/saga-mails.ts";
import { findSaga, type SagaSummary } from "../../operations/saga-store.ts";
import { maskedShopper, type Shopper } from "../../operations/shopper-mask.ts";
import { shoppersOf, wholeShopperOf } from "../../operations/shopper-store.ts";
import { alreadyOpen } from "../../operations/reach.ts";
import { type SagaStory, sagaStory } from "../../operations/saga-story.ts";
import { asked, done, reasonOf } from "../acts.ts";
import { type Act, record } from "../audit.ts";
import { polled } from "../live.ts";
import { SAGA_PARTS, SagaPage } from "../pages/saga.tsx";
import { Sagas } from "../pages/sagas.tsx";
import { allOf } from "../parts/live-parts.tsx";
import { type Shoppers, sagaColumns, sagaMore } from "../parts/saga-columns.tsx";
import type { Cut } from "../parts/table.tsx";
import { type Show, showOf } from "../parts/timeline.tsx";
import { badRequest, notFound, Problem } from "../problem.ts";
import { exported, isExport, page } from "../respond.ts";
import type { SignedIn } from "../visit.ts";
import type { ConsoleRoute } from "./route.ts";

export const sagaRoutes: readonly ConsoleRoute[] = [
  { method: "GET", path: "/sagas", name: "sagas", needs: "viewer", handle: sagas },
  { method: "GET", path: "/sagas/:id", name: "saga", needs: "viewer", handle: sagaPage },
  { method: "GET", path: "/sagas/:id/events", name: "saga_events", needs: "viewer", handle: events },
  { method: "POST", path: "/sagas/:id/reveal", name: "saga_reveal", needs: "operator", handle: revealed },
  { method: "POST", path: "/sagas/:id/cancel", name: "saga_cancel", needs: "operator", handle: cancel },
  {
    method: "POST",
    path: "/sagas/:id/cancel-order",
    name: "saga_cancel_order",
    needs: "operator",
    handle: cancelTheOrder,
  },
];

/** What the page uses for itself; everything else is a filter. */
const OWN_FIELDS = ["after", "as", "again"];
const PAGE_ROWS = 50;
/** In one file. Who needs more asks with a filter. */
const EXPORT_ROWS = 1_000;
/** A saga that ended this long ago rarely changes: its retries and messages have had their time. But its order may be cancelled. */
const STILL_MS = 60_000;
const STILL_REST_MS = 3_000;

async function sagas(visit: SignedIn): Promise<Response> {
  const { options, now } = visit;
  const given = oneStatus(visit.query);
  const read = parseSagaQuery(given, OWN_FIELDS);
  if ("faults" in read) {
    const { faults } = read;
    if (isExport(visit)) throw badRequest(faults.map(({ message }) => message).join("; "));
    const nothing = { query: null, found: null, older: null, shoppers: null };
    return page(visit, <Sagas frame={visit} given={given} faults={faults} {...nothing} />, { status: 422 });
  }
  const { saga, inventory, payment, order } = options.databases;
  const open = { saga: () => saga, inventory: () => inventory, payment: () => payment, order: () => order };
  const after = given.get("after");
  if (after !== null && !Value.Check(Uuid, after)) throw badRequest("after must be the id of a saga.");
  const limit = isExport(visit) ? EXPORT_ROWS : PAGE_ROWS;
  const found = await searchSagas(open, read.query, { limit, after: after ?? undefined, now });
  if (isExport(visit)) refuseEmptyFile(found);
  const older = found.next === null ? null : olderThan(found.next, read.query);
  const columns = [...sagaColumns(now), ...sagaMore];
  const file = exported(visit, "sagas", columns, found.sagas, cutOf(found, older, given.get("as")));
  if (file !== null) return file;
  const shown = { given, query: read.query, faults: [], found, older };
  return page(visit, <Sagas frame={visit} {...shown} shoppers={await shoppersIn(visit, found)} />);
}

/** Null for viewers. Masked: to tell shoppers apart nobody needs to know them. */
async function shoppersIn(
  { actor, options }: SignedIn,
  { sagas: rows }: FoundPage,
): Promise<Shoppers | null> {
  if (actor.role !== "operator") return null;
  const ids = rows.map(({ saga_id }) => saga_id);
  const shoppers = ids.length === 0 ? [] : await shoppersOf(options.databases.saga, ids);
  return new Map(shoppers.map((one) => [one.saga_id, maskedShopper(one)]));
}

/** A file cannot say why it is empty. */
function refuseEmptyFile({ missing, products }: FoundPage): void {
  if (missing.length > 0)
    throw new Problem(
      503,
      "Nothing can be listed",
      missing
        .map(({ database, reason }) => `The ${database} database does not answer (${reason}).`)
        .join(" "),
    );
  if (products?.too_many === true)
    throw badRequest(`product names more than ${MAX_PRODUCTS} products: say more of the name, or the SKU.`);
}

/** `older`: the page that goes on. The file that goes on is the same with `as`. */
export function cutOf(
  { sagas: rows, searched_to }: Pick<FoundPage, "sagas" | "searched_to">,
  older: string | null,
  as: string | null,
): Cut | null {
  if (older === null) return null;
  const why =
    searched_to === null
      ? `These are ${rows.length} sagas, and there may be more.`
      : `Sagas created before ${timestampOf(searched_to)} were not looked at yet.`;
  return { why, next: `${older}&as=${as}` };
}

/** A form sends each checked status by itself; the filter has them in one. */
function oneStatus(query: URLSearchParams): URLSearchParams {
  const given = new URLSearchParams(query);
  const statuses = given.getAll("status").filter((text) => text !== "");
  given.delete("status");
  if (statuses.length > 0) given.set("status", statuses.join(","));
  return given;
}

function olderThan(after: string, query: SagaQuery): string {
  const next = formatSagaQuery(query);
  next.set("after", after);
  return `/sagas?${next}`;
}

async function sagaPage(visit: SignedIn): Promise<Response> {
  const shown = { ...(await storyOf(visit)), show: showOf(visit.query.get("show")), isRevealed: false };
  return page(visit, <SagaPage {...propsOf(visit, shown)} />);
}

interface Told {
  readonly story: SagaStory;
  readonly mails: SagaMails;
  readonly cancellation: OpenCancellation | null;
  readonly cancelled: CancelledBy | null;
  readonly shopper: Shopper | null;
}

interface Shown extends Told {
  readonly show: Show;
  readonly isRevealed: boolean;
}

function propsOf(visit: SignedIn, shown: Shown) {
  const { clock, collector, traceUrlOf } = visit.options;
  const { trace_id } = shown.story;
  const traceUrl = trace_id === null ? null : traceUrlOf(trace_id);
  const { topics, roles, deadLetters } = collector.snapshot();
  return { ...shown, topics, roles, deadLetters, frame: visit, now: clock.now(), traceUrl };
}

async function storyOf({ params, options, actor }: SignedIn, reveal = false): Promise<Told> {
  const id = params["id"] ?? "";
  const story = Value.Check(Uuid, id)
    ? await sagaStory(alreadyOpen(options.databases), id, { reveal })
    : null;
  if (story === null) throw noSaga(id);
  const { saga_id } = story.saga;
  const { saga, notification } = options.databases;
  const [told, cancellation, cancelled, shopper] = await Promise.all([
    withMails(notification, story, { reveal }),
    openCancellationOf(saga, saga_id),
    cancelledBy(saga, saga_id),
    actor.role === "operator" ? shopperOf(saga, saga_id, { reveal }) : null,
  ]);
  return { ...told, cancellation, cancelled, shopper };
}

/** Masked and without the address unless it is revealed. */
async function shopperOf(
  saga: Sql,
  sagaId: string,
  { reveal }: { readonly reveal: boolean },
): Promise<Shopper | null> {
  if (reveal) return (await wholeShopperOf(saga, sagaId)) ?? null;
  const [shopper] = await shoppersOf(saga, [sagaId]);
  return shopper === undefined ? null : maskedShopper(shopper);
}

/** An act needs no more of it, and does not wait for the other databases. */
async function summaryOf({ params, options }: SignedIn): Promise<SagaSummary> {
  const id = params["id"] ?? "";
  const saga = Value.Check(Uuid, id) ? await findSaga(options.databases.saga, id) : undefined;
  if (saga === undefined) throw noSaga(id);
  return saga;
}

function noSaga(id: string): Problem {
  return notFound(`There is no saga ${id.slice(0, 100)}.`);
}

function events(visit: SignedIn): Promise<Response> {
  const show = showOf(visit.query.get("show"));
  return polled(visit, {
    load: () => storyOf(visit),
    parts: (told) => allOf(SAGA_PARTS, propsOf(visit, { ...told, show, isRevealed: false })),
    restMs: (
      {
        story: {
          saga: { completed_at },
        },
      },
      now,
    ) => (completed_at !== null && now - completed_at > STILL_MS ? STILL_REST_MS : 0),
  });
}

/** Shows personal data, once it is in the audit trail that somebody looked. */
async function revealed(visit: SignedIn): Promise<Response> {
  const reason = reasonOf(visit);
  const told = await storyOf(visit, true);
  const { saga_id } = told.story.saga;
  await record(visit, {
    action: "saga.reveal",
    subject: saga_id,
    sagaId: saga_id,
    reason,
    outcome: "revealed",
  });
  const here = `/sagas/${saga_id}`;
  const shown = { ...told, show: "all", isRevealed: true } as const;
  return page(visit, <SagaPage {...propsOf({ ...visit, here }, shown)} />);
}

async function cancel(visit: SignedIn): Promise<Response> {
  const reason = reasonOf(visit);
  const { saga_id } = await summaryOf(visit);
  const answer = await asked(visit, actOn("saga.cancel", saga_id, reason), async () =>
    cancelSaga(await orchestratorOf(visit), saga_id, { reason }),
  );
  const message = answer.cancelled_now
    ? "The saga is being undone."
    : "It was compensating already; nothing was changed.";
  return done(visit, `/sagas/${saga_id}`, message);
}

async function cancelTheOrder(visit: SignedIn): Promise<Response> {
  const reason = reasonOf(visit);
  const { order_id, saga_id } = await summaryOf(visit);
  if (order_id === null) throw badRequest("This saga has no order.");
  const answer = await asked(visit, actOn("order.cancel", saga_id, reason), async () =>
    cancelOrder(await orchestratorOf(visit), saga_id, { order_id, reason }),
  );
  const message = answer.started_now ? "The order is being cancelled." : "It was being cancelled already.";
  return done(visit, `/sagas/${saga_id}`, message);
}

/** Called with the person's own token, or with one that is made for them: the orchestrator takes the actor from there. */
async function orchestratorOf({ options, session, actor, request }: SignedIn): Promise<ServiceAt> {
  const token = session.token ?? (await options.oidc?.tokenFor(actor));
  if (token === undefined)
    throw new Problem(
      403,
      "Sign in again",
      "This console no longer knows the identity provider that you signed in at: sign out, and in again with an operator token.",
    );
  const address = options.addressOf(request);
  return { url: options.orchestratorUrl, token, ...(address === null ? {} : { address }) };
}

function actOn(action: "saga.cancel" | "order.cancel", sagaId: string, reason: string): Omit<Act, "outcome"> {
  return { action, subject: sagaId, sagaId, reason };
}
