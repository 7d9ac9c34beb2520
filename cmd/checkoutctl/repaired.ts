// What `checkoutctl repair` says when it has ended: per database whether it is repaired, in part, or not finished, and what to do next. Pure.
import type { Repaired } from "../../internal/operations/repair.ts";
import { table } from "./table.ts";

/** With nothing left, or only what nobody can give back. */
export const AFTER_REPAIR =
  "start what was stopped; when nothing is in progress any more, run `checkoutctl audit --expect-idle` and `checkoutctl payments reconcile`";
/** While the roles are stopped nothing is decided again, so the second run finds what the first one has left. */
const REPEAT =
  "leave stopped what is stopped, do what is named above as not repaired, and run `checkoutctl repair` again: it continues from the same time";

/** True if something is left for a person. */
export function isLeft(repaired: readonly Repaired[]): boolean {
  return repaired.some(({ not_repaired, unfinished }) => unfinished || not_repaired.length > 0);
}

/** What the operator does next. */
export function nextAfter(repaired: readonly Repaired[]): string {
  return repaired.some(({ unfinished }) => unfinished) ? REPEAT : AFTER_REPAIR;
}

export function repairedText(one: Repaired): string {
  return [
    `${one.database}: ${verdictOf(one)}`,
    table(["", ""], factsOf(one)).trimStart(),
    ...one.not_repaired.map((what) => `NOT repaired: ${what}`),
    ...(one.reopened?.later ?? []).map((what) => `later: ${what}`),
  ].join("\n");
}

function verdictOf({ not_repaired, unfinished }: Repaired): string {
  if (unfinished) return "NOT finished";
  return not_repaired.length === 0 ? "repaired" : "repaired in part";
}

function factsOf(one: Repaired): readonly (readonly [string, number])[] {
  const { sagas, cancellations, stock, payments, reopened, orders } = one;
  const written = one.outbox.reduce((sum, { messages }) => sum + messages, 0) + (sagas?.lost_messages ?? 0);
  return [
    ["messages written back", written],
    ...(sagas === undefined ? [] : [["checkouts rebuilt", sagas.sagas.length] as const]),
    ...(cancellations === undefined
      ? []
      : [["cancellations rebuilt", cancellations.rebuilt.length] as const]),
    ...(stock === undefined
      ? []
      : [
          ["reservations recreated", stock.lost] as const,
          ["reservations corrected", stock.settled] as const,
        ]),
    ...(payments === undefined
      ? []
      : [["charges lost", payments.lost] as const, ["charges open", payments.open] as const]),
    ...(reopened === undefined ? [] : [["payments opened again", reopened.reopened.length] as const]),
    ...(orders === undefined ? [] : [["orders rebuilt", orders.orders.length] as const]),
    ["messages delivered again", one.delivered_again],
  ];
}
