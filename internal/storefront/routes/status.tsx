// The status page of one checkout, its live updates, the way to the bank, and more time for it. For the shopper who placed it, and for whoever holds the
// link from the mail, who sees no address.
import { Value } from "@sinclair/typebox/value";
import { render } from "preact-render-to-string";
import { Uuid } from "../../../schemas/fields.ts";
import { AppError } from "../../kernel/errors.ts";
import { Rest, State, StatusPage, type StatusProps } from "../pages/status.tsx";
import { forgotten, placedOf, shownPrices } from "../placed.ts";
import type { CheckoutStatus, PlacedOrder, ShopProduct } from "../port.ts";
import { priceChanges } from "../price-changes.ts";
import { LOOK_AGAIN, page } from "../respond.ts";
import { json, seeOther } from "../../web/respond.ts";
import { isCancelling, isFinished, stageOf, viewVersion } from "../status.ts";
import { cartCookie, type Visit, withCart } from "../visit.ts";
import { NotFound, type ShopRoute, signInFirst, withoutAnswer } from "./route.ts";

/** Proxies close silent connections after a minute or less. */
const COMMENT_EVERY_MS = 15_000;
/** Then the browser connects again; so a gateway never holds a stream of a forgotten tab for long. */
const STREAM_MS = 5 * 60_000;
const POLL_MS = 25_000;
const RETRY_MS = 3_000;

export const statusRoutes: readonly ShopRoute[] = [
  { method: "GET", path: "/checkout/:saga", name: "status", handle: statusPage },
  { method: "GET", path: "/checkout/:saga/events", name: "status_events", handle: events },
  { method: "GET", path: "/checkout/:saga/view", name: "status_view", handle: view },
  { method: "GET", path: "/checkout/:saga/bank", name: "bank", handle: bank },
  {
    method: "POST",
    path: "/checkout/:saga/more-time",
    name: "more_time",
    handle: moreTime,
    pageOf: ({ saga = "" }) => `/checkout/${encodeURIComponent(saga)}`,
  },
];

interface Viewer {
  readonly sagaId: string;
  readonly userId: string;
  readonly isGuest: boolean;
  readonly guestToken: string;
}

/** Null: neither signed in nor with a valid link. */
function viewerOf({ params, query, userId, options }: Visit): Viewer | null {
  const sagaId = params["saga"] ?? "";
  if (!Value.Check(Uuid, sagaId)) throw new NotFound();
  const guestToken = query.get("k") ?? "";
  const guest = guestToken === "" ? null : (options.guestOf?.(sagaId, guestToken) ?? null);
  if (userId !== null && (guest === null || guest === userId))
    return { sagaId, userId, isGuest: false, guestToken: "" };
  return guest === null ? null : { sagaId, userId: guest, isGuest: true, guestToken };
}

/** For the live updates: at 401 the page loads again and leads to the sign-in, at 503 it keeps trying. */
function nobody({ isSignInUnknown }: Visit): Response {
  return new Response(null, { status: isSignInUnknown ? 503 : 401 });
}

async function statusPage(visit: Visit): Promise<Response> {
  const viewer = viewerOf(visit);
  // The provider adds a secret of the payment to the address: the sign-in must not get it.
  if (viewer === null) return signInFirst(isBackFromBank(visit) ? { ...visit, here: pathOf(visit) } : visit);
  const { data, limits } = visit.options;
  if (isBackFromBank(visit)) {
    // Without an answer the payment is looked up by itself a little later.
    await withoutAnswer(visit, data.checkPayment(viewer.sagaId, viewer.userId), null);
    // The provider adds a secret of this payment to the address. It must not stay in the browser's history.
    return seeOther(pathOf(visit));
  }
  const checkout = await data.status(viewer.sagaId, viewer.userId);
  // Another user's saga looks exactly like a missing one.
  if (checkout === null) throw new NotFound();
  limits?.seen(visit.request, checkout, viewer.userId);
  const isPlacedHere = placedOf(visit)?.sagaId === viewer.sagaId;
  const isThisCart = isCartOf(visit, viewer.sagaId);
  const isOver = checkout.status === "COMPLETED" && isPlacedHere;
  const isBought = isOver && isThisCart;
  const frame = isBought ? withCart(visit, []) : visit;
  const props = await propsOf(visit, viewer, checkout);
  return page(visit, <StatusPage {...props} frame={frame} isThisCart={isThisCart} />, {
    isSecretAddress: viewer.guestToken !== "",
    ...(isCancelling(checkout, props.orderStatus) ? { headers: LOOK_AGAIN } : {}),
    cookies: [...(isBought ? [cartCookie([])] : []), ...(isOver ? forgotten(visit) : [])],
  });
}

/** Whether the checkout orders what is in the cart of this browser. */
function isCartOf(visit: Visit, sagaId: string): boolean {
  const placed = placedOf(visit);
  return placed?.sagaId === sagaId && placed.isSameCart;
}

function pathOf({ request }: Visit): string {
  return new URL(request.url).pathname;
}

function isBackFromBank({ query }: Visit): boolean {
  return query.has("payment_intent") || query.has("redirect_status");
}

async function propsOf(visit: Visit, viewer: Viewer, checkout: CheckoutStatus): Promise<StatusProps> {
  const { isGuest, guestToken } = viewer;
  const order = checkout.order_id === null ? null : await orderOf(visit, viewer.userId, checkout.order_id);
  return {
    frame: visit,
    checkout,
    order: isGuest ? null : order,
    orderStatus: order?.status,
    tracking: order === null || order.status === "CANCELLED" ? null : order.tracking,
    ...(await linesOf(visit, checkout, order)),
    isGuest,
    guestToken,
    now: visit.options.clock.now(),
  };
}

/** The page says what is known: without the order service it shows no lines and no link. */
function orderOf(visit: Visit, userId: string, orderId: string): Promise<PlacedOrder | null> {
  return withoutAnswer(visit, visit.options.data.order(userId, orderId), null);
}

/** From the order; before it is written, from the cart of this browser if it is the one being ordered. */
async function linesOf(
  visit: Visit,
  checkout: CheckoutStatus,
  order: PlacedOrder | null,
): Promise<Pick<StatusProps, "lines" | "products" | "changes">> {
  const { saga_id, lines_short } = checkout;
  const own = isCartOf(visit, saga_id) ? visit.cart : [];
  const lines = order?.items ?? own;
  const skus = [...lines, ...(lines_short ?? [])].map(({ sku_id }) => sku_id);
  if (skus.length === 0) return { lines: [], products: new Map(), changes: [] };
  const products = await visit.options.data.productsBySku(skus).catch((error: unknown) => {
    if (!(error instanceof AppError)) throw error;
    return new Map<string, ShopProduct>();
  });
  const changes = priceChanges(checkout, own, shownPrices(visit, saga_id), products);
  return { products, changes, lines: lines.map(({ sku_id, quantity }) => ({ sku_id, quantity })) };
}

async function updateOf(visit: Visit, viewer: Viewer, checkout: CheckoutStatus) {
  const props = await propsOf(visit, viewer, checkout);
  visit.options.limits?.seen(visit.request, checkout, viewer.userId);
  return {
    version: viewVersion(checkout, props.now),
    stage: stageOf(checkout, props.orderStatus),
    state: render(<State {...props} />),
    rest: render(<Rest {...props} />),
    done: isFinished(checkout),
  };
}

/** Long poll: answers when the view differs from `?seen=`, or after 25 s. */
async function view(visit: Visit): Promise<Response> {
  const viewer = viewerOf(visit);
  if (viewer === null) return nobody(visit);
  const seen = visit.query.get("seen") ?? "";
  const { data, clock } = visit.options;
  const until = AbortSignal.any([visit.request.signal, AbortSignal.timeout(POLL_MS)]);
  const changes = await data.changes(viewer.sagaId, viewer.userId, {
    signal: until,
    by: "poll",
    isGuest: viewer.isGuest,
  });
  let newest: CheckoutStatus | null = null;
  for await (const checkout of changes ?? []) {
    newest = checkout;
    if (isFinished(checkout) || viewVersion(checkout, clock.now()) !== seen) break;
  }
  if (newest === null) throw new NotFound();
  return json(await updateOf(visit, viewer, newest));
}

/** Server-sent events: a `view` at once and after each change, a comment while nothing happens. */
async function events(visit: Visit): Promise<Response> {
  const viewer = viewerOf(visit);
  if (viewer === null) return nobody(visit);
  const { data } = visit.options;
  const stop = new AbortController();
  const until = AbortSignal.any([visit.request.signal, stop.signal, AbortSignal.timeout(STREAM_MS)]);
  // Before the answer begins, so that a limit is a 429 and an orchestrator that is away a 503.
  const changes = await data.changes(viewer.sagaId, viewer.userId, {
    signal: until,
    by: "stream",
    isGuest: viewer.isGuest,
  });
  if (changes === null) throw new NotFound();
  // The server sends no body, so nobody would ever end the stream.
  const isHead = visit.request.method === "HEAD";
  if (isHead) stop.abort();
  const encoder = new TextEncoder();
  const body = new ReadableStream<Uint8Array>({
    async start(controller) {
      const send = (text: string) => until.aborted || controller.enqueue(encoder.encode(text));
      send(`retry: ${RETRY_MS}\n\n`);
      const comments = setInterval(() => send(": still here\n\n"), COMMENT_EVERY_MS);
      try {
        for await (const checkout of changes) {
          const update = await updateOf(visit, viewer, checkout);
          send(`event: view\nid: ${update.version}\ndata: ${JSON.stringify(update)}\n\n`);
        }
      } catch (error) {
        // The browser connects again, and long polls if that fails, too.
        if (!until.aborted) visit.options.onError(error, visit.request);
      } finally {
        clearInterval(comments);
        if (!stop.signal.aborted) controller.close();
      }
    },
    cancel: () => stop.abort(),
  });
  return new Response(isHead ? null : body, {
    headers: {
      "content-type": "text/event-stream",
      "cache-control": "no-store",
      "x-accel-buffering": "no",
      "x-content-type-options": "nosniff",
    },
  });
}

/** A link, not a form: a browser would not let a form's answer lead to another site (form-action 'self'). */
async function bank(visit: Visit): Promise<Response> {
  const viewer = viewerOf(visit);
  if (viewer === null) return signInFirst(visit);
  // A guest with a link sees the state, and pays nothing.
  if (viewer.isGuest)
    return seeOther(`/checkout/${viewer.sagaId}?k=${encodeURIComponent(viewer.guestToken)}`);
  const url = await visit.options.data.bankUrl(viewer.sagaId, viewer.userId);
  return seeOther(url ?? `/checkout/${viewer.sagaId}`);
}

/** The status page shows the outcome: until when the items are held now, or that the time is over. */
async function moreTime(visit: Visit): Promise<Response> {
  const viewer = viewerOf(visit);
  if (viewer === null) return signInFirst(visit);
  if (viewer.isGuest) return seeOther(`${visit.here}?k=${encodeURIComponent(viewer.guestToken)}`);
  await visit.options.data.extendAction(viewer.sagaId, viewer.userId);
  return seeOther(visit.here);
}
