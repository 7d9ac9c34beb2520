// `/orders` and `/orders/:id`: the history, and one order with its receipt.
import { brandName, type CardOnReceipt } from "../../kernel/charged-card.ts";
import { orderNumberOf } from "../../kernel/order-number.ts";
import { addressLines } from "../address-lines.ts";
import { money } from "../format.ts";
import { ArtDefinitions, Icon, Picture } from "../parts/art.tsx";
import { Empty, Notice, Page } from "../parts/layout.tsx";
import { nameOf } from "../parts/names.ts";
import { OpenCheckouts } from "../parts/open-checkouts.tsx";
import { Tracking } from "../parts/tracking.tsx";
import { When } from "../parts/when.tsx";
import type { CheckoutStatus, OrdersPage, PlacedOrder, ShopProduct } from "../port.ts";
import type { Frame } from "../visit.ts";
import type { Words } from "../words/words.ts";

type Products = ReadonlyMap<string, ShopProduct>;

interface ListProps {
  readonly frame: Frame;
  readonly page: OrdersPage;
  readonly products: Products;
  /** The checkouts of the orders that are being cancelled. */
  readonly cancelling: ReadonlySet<string>;
  readonly open: readonly CheckoutStatus[];
  /** Not the first page. */
  readonly isLater: boolean;
}

export function Orders({ frame, page, products, cancelling, open, isLater }: ListProps) {
  const { words } = frame;
  return (
    <Page frame={frame} title={words.orders.title} current="orders">
      <OpenCheckouts frame={frame} open={open} />
      <h1>{words.orders.title}</h1>
      <ArtDefinitions products={[...products.values()]} />
      {page.items.length === 0 ? (
        <Empty title={words.orders.empty} hint={words.orders.emptyHint}>
          <a class="button" href="/">
            {words.cart.look}
          </a>
        </Empty>
      ) : (
        <ul class="order-list">
          {page.items.map((order) => (
            <Card
              key={order.order_id}
              frame={frame}
              order={order}
              products={products}
              isCancelling={cancelling.has(order.saga_id)}
            />
          ))}
        </ul>
      )}
      {page.next === null && !isLater ? null : (
        <p class="more">
          {isLater ? (
            <a class="button quiet" href="/orders">
              <Icon name="back" />
              {words.orders.newest}
            </a>
          ) : null}{" "}
          {page.next === null ? null : (
            <a class="button quiet" href={`/orders?after=${encodeURIComponent(page.next)}`}>
              {words.orders.more}
              <Icon name="arrow" />
            </a>
          )}
        </p>
      )}
    </Page>
  );
}

interface CardProps extends ReceiptProps {
  readonly isCancelling: boolean;
}

function Card({ frame, order, products, isCancelling }: CardProps) {
  const { words, language } = frame;
  return (
    <li class="order-card">
      <div class="order-pictures">
        {order.items.slice(0, 3).map(({ sku_id }) => {
          const product = products.get(sku_id);
          return product === undefined ? null : <Picture key={sku_id} product={product} size="line" />;
        })}
      </div>
      <div>
        <h2>
          <a href={`/orders/${order.order_id}`}>
            <When at={order.created_at} language={language} show="day" />
          </a>
        </h2>
        <p class="note code">
          {words.orders.number} {orderNumberOf(order.order_id)}
        </p>
        <p class="note">{words.cartCount(order.items.reduce((sum, { quantity }) => sum + quantity, 0))}</p>
        {order.status === "CANCELLED" && order.total_cents > 0 ? (
          <p class="note">{words.orders.returned(money(order.total_cents, order.currency, language))}</p>
        ) : null}
      </div>
      {isCancelling ? (
        <p class="order-status order-CANCELLED">{words.orders.cancelling}</p>
      ) : (
        <p class={`order-status order-${order.status}`}>{words.orders.status[order.status]}</p>
      )}
      <p class="line-sum">{money(order.total_cents, order.currency, language)}</p>
    </li>
  );
}

/** Whether the shopper can cancel the order, or has asked to and it is not decided yet. `unknown`: a service does not answer. */
export type Cancelling = "no" | "possible" | "in_progress" | "unknown";

interface ReceiptProps {
  readonly frame: Frame;
  readonly order: PlacedOrder;
  readonly products: Products;
}

interface OrderProps extends ReceiptProps {
  readonly cancelling: Cancelling;
}

export function Order({ frame, order, products, cancelling }: OrderProps) {
  const { words, language } = frame;
  const isCancelled = order.status === "CANCELLED";
  const number = orderNumberOf(order.order_id);
  const { title, text } = words.status.stages.cancelling;
  return (
    <Page frame={frame} title={`${words.orders.number} ${number}`} current="orders">
      <p class="no-print">
        <a class="back" href="/orders">
          <Icon name="back" />
          {words.orders.back}
        </a>
      </p>
      <div class="order-head">
        <div>
          <p class="print-only shop-name">{frame.shopName}</p>
          <h1 class={isCancelled ? undefined : "no-print"}>
            {cancelling === "in_progress" ? title : words.orders.status[order.status]}
          </h1>
          {isCancelled ? null : <h1 class="print-only">{words.orders.receipt}</h1>}
          <p class="note code">
            {words.orders.number} {number}
          </p>
          <p class="print-only">
            {words.orders.placed}: <When at={order.created_at} language={language} show="day" />
          </p>
        </div>
        <div class="actions no-print">
          <form method="post" action={`/orders/${order.order_id}/again`}>
            <button class="button" title={words.orders.todayPrices}>
              {words.orders.again}
            </button>
          </form>
          {isCancelled || cancelling === "in_progress" ? null : (
            <button class="button quiet" type="button" data-print data-needs-js>
              <Icon name="print" />
              {words.orders.print}
            </button>
          )}
        </div>
      </div>
      <Progress frame={frame} order={order} />
      {cancelling === "in_progress" ? <p class="money">{text}</p> : null}
      {cancelling === "unknown" ? (
        <Notice>
          <p>
            {words.orders.cancelUnknown} <a href={`/orders/${order.order_id}`}>{words.orders.lookAgain}</a>
          </p>
        </Notice>
      ) : null}
      {order.status === "CANCELLED" && order.total_cents > 0 ? (
        <p class="money">{words.orders.cancelledText}</p>
      ) : null}
      <div class="two-columns">
        <Receipt frame={frame} order={order} products={products} />
        <Delivery frame={frame} order={order} />
      </div>
      {cancelling === "possible" ? <Cancel frame={frame} order={order} /> : null}
    </Page>
  );
}

/** One press opens the question, and a second one cancels; without scripts too. */
function Cancel({ frame, order }: { readonly frame: Frame; readonly order: PlacedOrder }) {
  const { orders } = frame.words;
  return (
    <details class="cancel no-print">
      <summary class="button quiet">{orders.cancel}</summary>
      <form method="post" action={`/orders/${order.order_id}/cancel`}>
        <p>{order.total_cents === 0 ? orders.cancelFree : orders.cancelAsk}</p>
        <button class="button">{orders.cancelNow}</button>
      </form>
    </details>
  );
}

/** The cancellation was sent and nobody answered: the order shows the outcome. */
export function CancelUnanswered({ frame }: { readonly frame: Frame }) {
  const { words } = frame;
  return (
    <Page frame={frame} title={words.checkout.silent} current="orders">
      <div class="narrow">
        <h1>{words.checkout.silent}</h1>
        <p class="lead">{words.orders.cancelSilent}</p>
        <p class="actions">
          <a class="button" href={frame.here}>
            {words.status.toOrder}
          </a>
        </p>
      </div>
    </Page>
  );
}

function Progress({ frame, order }: { readonly frame: Frame; readonly order: PlacedOrder }) {
  const { words, language } = frame;
  const times = [
    [words.orders.placed, order.created_at],
    ...(order.cancelled_at === null
      ? [
          [words.orders.shipped, order.shipped_at] as const,
          [words.orders.delivered, order.delivered_at] as const,
        ]
      : [[words.orders.cancelled, order.cancelled_at] as const]),
  ] as const;
  return (
    <ol class="steps" aria-label={words.status.stepsLabel}>
      {times.map(([name, at]) => (
        <li key={name} class={at === null ? "is-ahead" : "is-done"}>
          <span class="dot">
            {at === null ? null : <Icon name={name === words.orders.cancelled ? "cross" : "check"} />}
          </span>
          <span>{name}</span>
          {at === null || at === undefined ? null : <When at={at} language={language} show="day" />}
        </li>
      ))}
    </ol>
  );
}

function Receipt({ frame, order, products }: ReceiptProps) {
  const { words, language } = frame;
  return (
    <section>
      <h2 class="no-print">{order.status === "CANCELLED" ? words.orders.items : words.orders.receipt}</h2>
      <ArtDefinitions products={[...products.values()]} />
      <ul class="lines">
        {order.items.map(({ sku_id, quantity, unit_price_cents }) => {
          const product = products.get(sku_id);
          return (
            <li key={sku_id} class="line">
              {product === undefined ? (
                <span class="picture picture-line" />
              ) : (
                <Picture product={product} size="line" />
              )}
              <div class="line-text">
                {product === undefined ? (
                  <strong>{sku_id}</strong>
                ) : (
                  <a href={`/products/${sku_id}`}>{nameOf(product, language)}</a>
                )}
                <p class="note">
                  {quantity} × {money(unit_price_cents, order.currency, language)}
                </p>
              </div>
              <p class="line-sum">{money(quantity * unit_price_cents, order.currency, language)}</p>
            </li>
          );
        })}
      </ul>
      <p class="sum">
        <span>{words.orders.total}</span>
        <strong>{money(order.total_cents, order.currency, language)}</strong>
      </p>
      {order.status === "CANCELLED" ? null : (
        <p class="note">{order.total_cents === 0 ? words.status.money.free("") : paidText(words, order)}</p>
      )}
    </section>
  );
}

function paidText(words: Words, { card }: PlacedOrder): string {
  return card === undefined ? words.orders.paid : words.orders.paidBy(cardText(words, card));
}

/** "Visa ending 4242" */
export function cardText({ orders }: Words, card: CardOnReceipt): string {
  return orders.card(brandName(card), card.last4);
}

/** Where the parcel goes, or went. A cancelled order goes nowhere. */
function Delivery({ frame, order }: { readonly frame: Frame; readonly order: PlacedOrder }) {
  const { words, language } = frame;
  if (order.status === "CANCELLED") return <Returned frame={frame} order={order} />;
  const title = deliveryTitle(words, order);
  return (
    <aside class="summary" aria-label={title}>
      <h2>{title}</h2>
      <address>
        {addressLines(order.shipping_address, language).map((text, index) => (
          <span key={index}>{text}</span>
        ))}
      </address>
      {order.tracking === null ? null : (
        <>
          <h2>{words.orders.tracking}</h2>
          <p>
            <Tracking tracking={order.tracking} />
          </p>
        </>
      )}
    </aside>
  );
}

export function deliveryTitle(words: Words, { status }: PlacedOrder): string {
  return status === "DELIVERED" ? words.orders.delivered_to : words.orders.deliver_to;
}

/** What a cancelled order means for the shopper's money. */
function Returned({ frame, order }: { readonly frame: Frame; readonly order: PlacedOrder }) {
  const { words, language } = frame;
  if (order.total_cents === 0) return null;
  return (
    <aside class="summary" aria-label={words.orders.money}>
      <h2>{words.orders.money}</h2>
      <p>
        <strong>{words.orders.returned(money(order.total_cents, order.currency, language))}</strong>
      </p>
      <p class="note">
        {order.cancelled_at === null ? null : (
          <>
            {words.orders.cancelled}: <When at={order.cancelled_at} language={language} show="day" />.{" "}
          </>
        )}
        {words.orders.returnedWhen}
      </p>
    </aside>
  );
}
