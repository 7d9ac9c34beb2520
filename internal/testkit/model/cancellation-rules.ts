// The protections of a cancellation (docs/adr/0015), and what the decision functions are without each. Called by rules.ts.
import { assertNever } from "../../kernel/errors.ts";
import {
  decideCancellation,
  type resendCommand,
  startCancellation,
} from "../../orchestrator/order-cancellation.ts";
import { decide as decideOrder } from "../../services/order/decide.ts";

/** The rules that a cancellation follows. */
export interface CancellationRules {
  readonly order: typeof decideOrder;
  readonly startCancellation: typeof startCancellation;
  readonly decideCancellation: typeof decideCancellation;
  readonly resendCommand: typeof resendCommand;
  /** True if a checkout has one cancellation at a time that was not refused (cancel-order.ts). */
  readonly cancelsOnce: boolean;
}

export const CANCELLATION_PROTECTIONS = [
  "no cancel of a parcel",
  "one cancellation at a time",
  "order before its refund",
  "refund before its end",
  "late cancel is refunded",
  "a cancellation ends once",
] as const;
export type CancellationProtection = (typeof CANCELLATION_PROTECTIONS)[number];

/** Only the rules that change. */
export function withoutInCancellation(protection: CancellationProtection): Partial<CancellationRules> {
  switch (protection) {
    case "no cancel of a parcel":
      // A cancel finds a shipped order as if it were still here.
      return {
        order: (order, command, now, policy) =>
          decideOrder(
            order?.status === "SHIPPED" && command.type === "CancelOrder"
              ? { ...order, status: "CONFIRMED" }
              : order,
            command,
            now,
            policy,
          ),
      };
    case "one cancellation at a time":
      return { cancelsOnce: false };
    case "order before its refund":
      // The refund does not wait for the order's reply.
      return {
        startCancellation: (id, saga, now, policy) => {
          const { cancellation, out } = startCancellation(id, saga, now, policy);
          const reply = { ...pretended(saga), type: "OrderCancelled" } as const;
          const next = decideCancellation(cancellation, saga, reply, now, policy);
          return { cancellation: next.cancellation, out: [...out, ...next.out] };
        },
      };
    case "refund before its end":
      return { decideCancellation: unpaidCancellation };
    case "late cancel is refunded":
      return {
        decideCancellation: (cancellation, saga, event, now, policy) =>
          cancellation.status === "REFUSED"
            ? { cancellation, out: [] }
            : decideCancellation(cancellation, saga, event, now, policy),
      };
    case "a cancellation ends once":
      return {
        decideCancellation: (cancellation, saga, event, now, policy) =>
          decideCancellation(
            cancellation.status === "CANCELLED"
              ? { ...cancellation, status: "CANCELLING", step: "order", completed_at: null }
              : cancellation,
            saga,
            event,
            now,
            policy,
          ),
      };
    default:
      return assertNever(protection);
  }
}

/** The stock is given back without waiting for the refund, which is not even asked for. */
function unpaidCancellation(...[before, saga, event, now, policy]: Parameters<typeof decideCancellation>) {
  const decision = decideCancellation(before, saga, event, now, policy);
  if (!decision.out.some(({ type }) => type === "RefundPayment")) return decision;
  const { cancellation } = decision;
  const reply = { ...pretended(saga), type: "RefundCompleted", payment_id: "", amount_cents: 0 } as const;
  return decideCancellation(cancellation, saga, reply, now, policy);
}

function pretended({ saga_id }: { readonly saga_id: string }) {
  return { message_id: saga_id, saga_id, schema_version: 1, occurred_at: "" };
}
