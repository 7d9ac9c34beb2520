// The decisions of a plan and what became of them, as columns: of dead letters, and of outboxes that are published again.
import { countText } from "../../kernel/counted.ts";
import { moneyText } from "../../kernel/money.ts";
import { type BulkKind, isQuarantined } from "../../operations/plan.ts";
import type { ItemRow } from "../../operations/plan-store.ts";
import { outcomeText, READ_MAIL } from "../../operations/run-progress.ts";
import { IdLink, Status } from "./bits.tsx";
import { sagaColumn } from "./saga-columns.tsx";
import type { Column } from "./table.tsx";

/** The sagas of listed mails that have a mail waiting; null if that is not known. */
export type WaitingMails = ReadonlySet<string> | null;

export function itemColumnsOf(kind: BulkKind, waiting: WaitingMails): readonly Column<ItemRow>[] {
  return kind === "outbox.republish" ? outboxColumns : [...planColumns, outcomeColumnWith(waiting)];
}

/** Whose mails it is worth asking for. */
export function sagasOfMails(items: readonly ItemRow[]): readonly string[] {
  return [...new Set(items.flatMap(({ result, saga_id }) => (result === READ_MAIL ? (saga_id ?? []) : [])))];
}

/** What is known of a mail after its service took it. A mail that was sent leaves no row, so it is said what that may mean. */
function Afterwards({ item, waiting }: { readonly item: ItemRow; readonly waiting: WaitingMails }) {
  const { result, saga_id } = item;
  if (result !== READ_MAIL || saga_id === null) return null;
  if (waiting === null)
    return <span class="reason small soft">whether the mail server accepted it is not known now</span>;
  if (waiting.has(saga_id))
    return (
      <span class="reason small">
        <a href={`/sagas/${saga_id}`}>a mail of this saga waits</a>: the mail server has not accepted it yet
      </span>
    );
  return (
    <span class="reason small soft">
      it does not wait, so the mail server accepted it, or refused it for good:{" "}
      <a href={`/dead-letters?${new URLSearchParams({ saga: saga_id, all: "1" })}`}>
        then there is a new dead letter
      </a>
    </span>
  );
}

const outcomeColumnWith = (waiting: WaitingMails): Column<ItemRow> => ({
  ...outcomeColumn,
  show: (item) => (
    <span>
      {outcomeColumn.show?.(item)}
      <Afterwards item={item} waiting={waiting} />
    </span>
  ),
});

const outcomeColumn: Column<ItemRow> = {
  name: "outcome",
  head: "Outcome",
  show: ({ outcome, result, detail, why }) => (
    <span>
      {outcome === null ? (
        <span class="soft">not reached</span>
      ) : (
        <Status
          tone={
            outcome === "failed" || outcome === "refused"
              ? "bad"
              : outcome === "in flight"
                ? "running"
                : "good"
          }
        >
          {outcomeText({ outcome, result })}
        </Status>
      )}
      {(detail ?? why) === null ? null : <span class="reason small soft">{detail ?? why}</span>}
    </span>
  ),
  value: ({ outcome }) => outcome,
};

const planColumns: readonly Column<ItemRow>[] = [
  {
    name: "subject",
    head: "Dead letter",
    show: ({ subject }) =>
      subject.length === 36 ? <IdLink id={subject} href={`/dead-letters/${subject}`} /> : subject,
    value: ({ subject }) => subject,
  },
  sagaColumn,
  {
    name: "message_type",
    head: "Message",
    value: ({ message_type }) => message_type,
  },
  {
    name: "replays",
    head: "Replays without success",
    isRight: true,
    show: ({ replays }) => (isQuarantined(replays) ? <Status tone="warn">{replays}</Status> : replays),
    value: ({ replays }) => replays,
  },
  {
    name: "amount",
    head: "Checkout's total",
    isRight: true,
    show: ({ amount_cents, currency }) =>
      amount_cents === null || currency === null ? null : (
        <span class="nowrap">{moneyText(amount_cents, currency)}</span>
      ),
    value: ({ amount_cents }) => amount_cents,
  },
  { name: "planned", head: "Planned", value: ({ planned }) => planned },
];

/** In files. */
export const itemColumns: readonly Column<ItemRow>[] = [...planColumns, outcomeColumn];

/** In CSV and JSON only. */
export const itemMore: readonly Column<ItemRow>[] = [
  { name: "position", head: "Position", value: ({ position }) => position },
  { name: "currency", head: "Currency", value: ({ currency }) => currency },
  { name: "units", head: "Messages", value: ({ units }) => units },
  { name: "units_done", head: "Messages sent", value: ({ units_done }) => units_done },
  { name: "result", head: "Result", value: ({ result }) => result },
  {
    name: "why",
    head: "Why",
    value: ({ detail, why }) => detail ?? why,
  },
];

const outboxColumns: readonly Column<ItemRow>[] = [
  { name: "subject", head: "Outbox", value: ({ subject }) => subject },
  {
    name: "units",
    head: "Messages",
    isRight: true,
    show: ({ units }) => countText(units),
    value: ({ units }) => units,
  },
  {
    name: "units_done",
    head: "Sent",
    isRight: true,
    show: ({ units_done }) => countText(units_done),
    value: ({ units_done }) => units_done,
  },
  outcomeColumn,
];
