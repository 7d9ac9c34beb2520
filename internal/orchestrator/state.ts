// What a saga is: the shopper's cart and where it stands. Read by saga.ts (pure), written by store.ts.
import type { Static } from "@sinclair/typebox";
import type { Event } from "../../schemas/events.ts";
import type { FailureCode } from "../../schemas/failures.ts";
import type { CartItem, ChargedCard, PricedItem, ShippingAddress } from "../../schemas/fields.ts";
import type { SagaStatus, ShortLine } from "../../schemas/http.ts";
import { assertNever } from "../kernel/errors.ts";
import { type Step, statusDuring, tableOf } from "./steps.ts";

/** The provider of a checkout that names none. */
export const DEFAULT_PROVIDER = "stripe";

/** Why a saga started to compensate. The saga has codes of its own, and services add theirs (CARD_DECLINED, ...). */
export interface Failure {
  /** One of FAILURE_CODES, or one that a newer service knows. */
  readonly code: string;
  readonly message: string;
}

/** A failure that the saga itself found. */
export function ownFailure(code: FailureCode, message: string): Failure {
  return { code, message };
}

/** Where the saga stands. `at` is the last step whose command was written. */
export type Position =
  | { readonly kind: "forward"; readonly at: Step }
  | {
      readonly kind: "compensating";
      readonly at: Step;
      readonly undoing: Step;
      readonly failure: Failure;
      /** How often the current undo was sent again because no reply came. */
      readonly resends: number;
    }
  | { readonly kind: "completed"; readonly at: Step; readonly order_id: string }
  | { readonly kind: "compensated"; readonly at: Step; readonly failure: Failure };

export interface Saga {
  readonly saga_id: string;
  readonly user_id: string;
  readonly email: string;
  readonly items: readonly Static<typeof CartItem>[];
  readonly currency: string;
  readonly expected_total_cents: number | null;
  readonly shipping_address: Static<typeof ShippingAddress>;
  /** Sealed to the payment service; null once the saga is finished. */
  readonly payment_method: string | null;
  /** The shopper is at a browser and can confirm the payment at the bank. */
  readonly shopper_present: boolean;
  /** In which the shopper reads; null if it is not known. */
  readonly language: string | null;
  /** Who takes the money; null for the default provider. */
  readonly provider: string | null;
  readonly table_version: number;
  readonly position: Position;
  /** The cart with the prices that the reservation fixed; null until reserved. */
  readonly priced_items: readonly Static<typeof PricedItem>[] | null;
  readonly total_cents: number | null;
  /** Cart lines that could not be reserved; null unless that is why the saga compensates. */
  readonly lines_short: readonly ShortLine[] | null;
  /** Money was taken, which may have been given back since. */
  readonly payment_succeeded: boolean;
  /** What was charged or authorized, for the receipt; null if it is not known. */
  readonly card: ChargedCard | null;
  /** The payment waits for the shopper until then, epoch ms; null while it does not. */
  readonly action_expires_at: number | null;
  /**
   * How long that wait may last at most, epoch ms. After `action_expires_at`: the shopper may ask for more time. The same: they have.
   * Null: they may not. Read only while the payment waits, and left behind after.
   */
  readonly action_latest_at: number | null;
  /** A command of this saga is in the dead-letter queue, or an undo has had no reply for long. False when finished. */
  readonly needs_operator: boolean;
  /** When the saga acts by itself: starts to compensate, or sends its undo again. Epoch ms; null when finished. */
  readonly deadline_at: number | null;
  readonly created_at: number;
  readonly updated_at: number;
  readonly completed_at: number | null;
  /** The trace context of the checkout, while somebody records its trace. Never changed by a decision. */
  readonly traceparent?: string;
}

/** What moves a saga: events, its own deadline, its shopper, and an operator. */
export type SagaInput =
  | Event
  | { readonly type: "DeadlinePassed" }
  | { readonly type: "ShopperNeedsTime" }
  | { readonly type: "OperatorCancel"; readonly reason: string };

/** One line of the saga's timeline. */
export interface Transition {
  readonly from: SagaStatus;
  readonly to: SagaStatus;
  /** Where the saga stands afterwards: a step, or the step being undone. */
  readonly step: Step;
  readonly note: string | null;
}

export function statusOf({ position, table_version }: Pick<Saga, "position" | "table_version">): SagaStatus {
  switch (position.kind) {
    case "forward":
      return statusDuring(tableOf({ table_version }), position.at);
    case "compensating":
      return "COMPENSATING";
    case "completed":
      return "COMPLETED";
    case "compensated":
      return "COMPENSATED";
    default:
      return assertNever(position);
  }
}
