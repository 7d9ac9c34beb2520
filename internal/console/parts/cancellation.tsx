// Cancellations in words: who began one and what became of it, how far an order's has come, and a table of those that need an operator.
import { plural } from "../../kernel/counted.ts";
import { timestampOf } from "../../kernel/timestamp.ts";
import type { CancelledBy, OpenCancellation } from "../../operations/cancellation-store.ts";
import { IdLink, Status } from "./bits.tsx";
import { sagaColumn } from "./saga-columns.tsx";
import type { Column } from "./table.tsx";
import { When } from "./when.tsx";

const WAITS_FOR: Readonly<Record<OpenCancellation["step"], string>> = {
  order: "the order service",
  refund: "the refund",
  release: "its stock to be put back",
};

/** The first line of a page about something that somebody cancelled; a small one if the order could not be cancelled any more. */
export function CancelledText({ cancelled }: { readonly cancelled: CancelledBy }) {
  const { what, actor, reason, at, state, ended_at, order_status } = cancelled;
  const who = actor === "shopper" ? "the shopper" : actor;
  if (state === "refused")
    return (
      <p>
        The order was to be cancelled by {who} at <When at={at} show="both" />: {reason}. That was refused: it
        was {order_status}.
      </p>
    );
  const thing = what === "order" ? "Order" : "Checkout";
  return (
    <p class="lead">
      <Status tone={ended_at === null ? "undo" : "bad"}>
        {thing} {ended_at === null ? "being cancelled" : "cancelled"}
      </Status>{" "}
      <span>
        by {who} at <When at={at} show="both" />: {reason}
      </span>
      {ended_at === null ? null : (
        <span class="small soft">
          {" "}
          (done at <When at={ended_at} show="both" />)
        </span>
      )}
    </p>
  );
}

/** Says nothing of an order that nobody is cancelling. */
export function CancellationText({
  cancellation,
  now,
}: {
  readonly cancellation: OpenCancellation | null;
  readonly now: number;
}) {
  if (cancellation === null) return <></>;
  const { step, created_at, resend_count, deadline_at, needs_operator } = cancellation;
  return (
    <p>
      <Status tone={needs_operator ? "bad" : "undo"}>
        The order is being cancelled{needs_operator ? ", and that needs an operator" : ""}
      </Status>
      : it waits for {WAITS_FOR[step]}, since <When at={created_at} show="for" now={now} />
      {resend_count === 0 ? null : `, sent again ${plural(resend_count, "time")}`}; the command is sent again{" "}
      <When at={deadline_at} show="ago" now={now} />.
    </p>
  );
}

export const cancellationColumns = (now: number): readonly Column<OpenCancellation>[] => [
  sagaColumn,
  {
    name: "order_id",
    head: "Order",
    show: ({ order_id, saga_id }) => <IdLink id={order_id} href={`/sagas/${saga_id}`} />,
    value: ({ order_id }) => order_id,
  },
  {
    name: "step",
    head: "Waits for",
    show: ({ step }) => WAITS_FOR[step],
    value: ({ step }) => step,
  },
  { name: "resend_count", head: "Sent again", isRight: true, value: ({ resend_count }) => resend_count },
  {
    name: "created_at",
    head: "Since",
    isRight: true,
    show: ({ created_at }) => <When at={created_at} show="ago" now={now} />,
    value: ({ created_at }) => timestampOf(created_at),
  },
  {
    name: "deadline_at",
    head: "Sent again next",
    isRight: true,
    show: ({ deadline_at }) => <When at={deadline_at} show="ago" now={now} />,
    value: ({ deadline_at }) => timestampOf(deadline_at),
  },
];
