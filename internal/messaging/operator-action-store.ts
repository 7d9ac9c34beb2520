// The audit trail: what people did to the system by hand, with who and why. It is in the saga database, whatever was changed. It is
// in this folder because the orchestrator writes a line with the saga it cancels, the tools of the operator write theirs, and
// neither may import the other.
import type { Sql, TransactionSql } from "postgres";
import { timestampOf } from "../kernel/timestamp.ts";
import type { Tx } from "./database.ts";

/** All that a line can be about: `FAMILY.ACT`. */
export const OPERATOR_ACTIONS = [
  "saga.cancel",
  "saga.rebuild",
  "saga.trace",
  "dead-letter.replay",
  "dead-letter.discard",
  "outbox.republish",
  "outbox.restore",
  "payments.rebuild",
  "stock.rebuild",
  "payment.settle",
  "shopper.erase",
  "session.revoke",
  "order.ship",
  "order.deliver",
  "order.cancel",
  "order.rebuild",
  "database.repair",
  "plan.create",
  "run.start",
  "run.pause",
  "run.resume",
  "run.stop",
  "run.rate",
  // By the process that executes it, in the name of who has started it.
  "run.end",
  "payment-alert.close",
  "payments.reconcile",
  "saga.reveal",
  "shopper.find",
  "dead-letter.reveal",
  "console.sign-in",
  "console.act",
  "console.refused",
] as const;
export type OperatorActionKind = (typeof OPERATOR_ACTIONS)[number];

/** Who acts, and from where. */
export interface ActedBy {
  /** The operator, from the request's token; `shopper` if a shopper acts. */
  readonly actor: string;
  /** An IP address; null or absent if it is not known, as for the command line. */
  readonly address?: string | null;
}

export interface OperatorAction extends ActedBy {
  readonly action_id: string;
  /** Shared by all actions of one command. */
  readonly run_id: string;
  readonly action: OperatorActionKind;
  /** The id of a saga, an order, a dead letter, a shopper or a plan, or the name of a database. */
  readonly subject: string;
  readonly saga_id: string | null;
  /** The affected message; for a dead letter the message it holds, if that can be read. */
  readonly message_id?: string | null;
  readonly reason: string;
  /** Null while the action is running. */
  readonly outcome: string | null;
  readonly detail: string | null;
  /** What was asked for besides the reason. Never personal data. */
  readonly parameters?: Readonly<Record<string, unknown>> | null;
  /** Epoch ms. */
  readonly at: number;
}

/**
 * Adds the lines, except one that would act on a dead letter a second time. Returns the ids of the added lines. An action with an
 * outcome is settled at once.
 */
export function recordActions(
  sql: Sql | Tx | TransactionSql,
  actions: readonly OperatorAction[],
): PromiseLike<readonly { readonly action_id: string }[]> {
  const rows = actions.map((action) => ({ ...action, at: timestampOf(action.at) }));
  return sql<{ action_id: string }[]>`
    insert into operator_actions (action_id, run_id, action, subject, saga_id, message_id, actor, reason, outcome, detail,
           address, parameters, at, settled_at)
    select action_id, run_id, action, subject, saga_id, message_id, actor, reason, outcome, detail, address, parameters, at,
           case when outcome is not null then at end
      from json_to_recordset(${JSON.stringify(rows)}::text::json) as action (
             action_id uuid, run_id uuid, action text, subject text, saga_id uuid, message_id uuid, actor text, reason text,
             outcome text, detail text, address text, parameters jsonb, at timestamptz)
        on conflict do nothing
    returning action_id`;
}
