// The columns of a list of sagas.
import { moneyText } from "../../kernel/money.ts";
import { orderNumberOf } from "../../kernel/order-number.ts";
import { timestampOf } from "../../kernel/timestamp.ts";
import { shortId } from "../../operations/short-id.ts";
import type { FoundSaga } from "../../operations/saga-search-store.ts";
import type { Shopper } from "../../operations/shopper-mask.ts";
import { Copy, IdLink } from "./bits.tsx";
import { placeText, SagaStatusText } from "./saga-status.tsx";
import type { Column } from "./table.tsx";
import { When } from "./when.tsx";
import { durationText } from "./words.ts";

/** `shoppers`: masked, by saga, for those who may tell them apart; null for the others. */
export function sagaColumns(now: number, shoppers: Shoppers | null = null): readonly Column<FoundSaga>[] {
  return [...whatColumns, ...(shoppers === null ? [] : [shopperColumn(shoppers)]), ...timeColumns(now)];
}

export type Shoppers = ReadonlyMap<string, Shopper>;

const shopperColumn = (shoppers: Shoppers): Column<FoundSaga> => ({
  name: "shopper",
  head: "Shopper",
  show: ({ saga_id }) => {
    const shopper = shoppers.get(saga_id);
    return shopper === undefined ? null : <ShopperText shopper={shopper} />;
  },
  value: () => null,
});

export function ShopperText({ shopper: { email, name, city } }: { readonly shopper: Shopper }) {
  return (
    <span>
      <span class="nowrap">{name}</span>
      {city === "" ? "" : `, ${city}`}
      {email === name ? null : <span class="small soft"> {email}</span>}
    </span>
  );
}

/** In a list of something that belongs to a saga. */
export const sagaColumn: Column<{ readonly saga_id: string | null }> = {
  name: "saga_id",
  head: "Saga",
  show: ({ saga_id }) => (saga_id === null ? null : <IdLink id={saga_id} href={`/sagas/${saga_id}`} />),
  value: ({ saga_id }) => saga_id,
};

/** As its shopper reads it; null before there is an order. */
function numberOf({ order_id }: FoundSaga): string | null {
  return order_id === null ? null : orderNumberOf(order_id);
}

const whatColumns: readonly Column<FoundSaga>[] = [
  {
    name: "saga_id",
    head: "Saga",
    show: ({ saga_id }) => (
      <span class="nowrap">
        <a class="mono" href={`/sagas/${saga_id}`} title={saga_id}>
          {shortId(saga_id)}
        </a>
        <Copy text={saga_id} what="the saga's id" />
      </span>
    ),
    value: ({ saga_id }) => saga_id,
  },
  {
    name: "order_number",
    head: "Order",
    show: (saga) => {
      const number = numberOf(saga);
      return number === null ? null : <span class="mono small">{number}</span>;
    },
    value: (saga) => numberOf(saga),
  },
  {
    name: "status",
    head: "Status",
    show: ({ status, needs_operator }) => <SagaStatusText status={status} needsOperator={needs_operator} />,
    value: ({ status }) => status,
  },
  {
    name: "step",
    head: "Step",
    show: (saga) => (
      <span>
        {placeText(saga)}
        {saga.resend_count === 0 ? null : <span class="soft">, resent {saga.resend_count} times</span>}
      </span>
    ),
    value: placeText,
  },
  {
    name: "failure_code",
    head: "Failure",
    show: ({ failure_code, failure_message }) =>
      failure_code === null ? null : <span title={failure_message ?? undefined}>{failure_code}</span>,
    value: ({ failure_code }) => failure_code,
  },
  {
    name: "total_cents",
    head: "Total",
    isRight: true,
    show: ({ total_cents, currency }) =>
      total_cents === null ? null : <span class="nowrap">{moneyText(total_cents, currency)}</span>,
    value: ({ total_cents }) => total_cents,
  },
];

const timeColumns = (now: number): readonly Column<FoundSaga>[] => [
  {
    name: "created_at",
    head: "Started",
    isRight: true,
    show: ({ created_at }) => (
      <span class="nowrap">
        <When at={created_at} show="ago" now={now} />
      </span>
    ),
    value: ({ created_at }) => timestampOf(created_at),
  },
  {
    name: "updated_at",
    head: "Updated",
    isRight: true,
    show: ({ updated_at }) => (
      <span class="nowrap">
        <When at={updated_at} show="ago" now={now} />
      </span>
    ),
    value: ({ updated_at }) => timestampOf(updated_at),
  },
  {
    name: "took_ms",
    head: "Took",
    isRight: true,
    show: ({ created_at, completed_at }) =>
      completed_at === null ? (
        <span class="soft nowrap">in progress</span>
      ) : (
        <span class="nowrap">{durationText(completed_at - created_at)}</span>
      ),
    value: ({ created_at, completed_at }) => (completed_at === null ? null : completed_at - created_at),
  },
];

/** In CSV and JSON only. */
export const sagaMore: readonly Column<FoundSaga>[] = [
  { name: "currency", head: "Currency", value: ({ currency }) => currency },
  { name: "user_id", head: "Shopper", value: ({ user_id }) => user_id },
  { name: "order_id", head: "Order's id", value: ({ order_id }) => order_id },
  {
    name: "needs_operator",
    head: "Needs an operator",
    value: ({ needs_operator }) => needs_operator,
  },
];
