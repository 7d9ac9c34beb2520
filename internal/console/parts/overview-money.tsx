// Which money is not where it belongs: on the overview, and with the same figures above the payments.
import { countText } from "../../kernel/counted.ts";
import { moneyText } from "../../kernel/money.ts";
import type { Snapshot } from "../collector.ts";
import { stuckUndoHref } from "./attention.ts";
import { Status, Unknown } from "./bits.tsx";
import { When } from "./when.tsx";
import { knownOf } from "../source.ts";
import { Card } from "./overview-card.tsx";

interface Risk {
  readonly what: string;
  readonly href: string;
  readonly currency: string | null;
  readonly count: number;
  readonly amount_cents: number;
  readonly oldest_at: number;
}

/** What is known of it: payments in progress are no risk, those without a definite result are. */
function risksOf({ sagas, money, alerts }: MoneyProps["snapshot"]): readonly Risk[] {
  const known = knownOf(money);
  const flow = knownOf(sagas);
  return [
    ...(flow?.charged_undo_stuck ?? []).map((one) => ({
      ...one,
      what: "checkouts charged, their undo is stuck",
      href: stuckUndoHref(one),
    })),
    ...(flow?.refund_of_cancelled_stuck ?? []).map((one) => ({
      ...one,
      what: "cancelled orders without their refund",
      href: "/cancellations",
    })),
    ...(known?.payments ?? [])
      .filter(({ status }) => status === "UNKNOWN")
      .map((one) => ({ ...one, what: "UNKNOWN payments", href: "/payments" })),
    ...(known?.refunds_pending ?? []).map((one) => ({
      ...one,
      what: "open refunds",
      href: "/payments?show=refunds",
    })),
    ...(knownOf(alerts) ?? []).map((one) => ({
      ...one,
      what: "open payment alerts",
      href: "/payments/alerts",
    })),
  ];
}

export interface MoneyProps {
  readonly snapshot: Pick<Snapshot, "sagas" | "money" | "alerts">;
  readonly now: number;
}

export function MoneyPart({ snapshot, now }: MoneyProps) {
  const risks = risksOf(snapshot);
  const silent = [snapshot.sagas, snapshot.money, snapshot.alerts].find(
    ({ unknownSince, value }) => unknownSince !== null || value === null,
  );
  return (
    <Card id="money-title" title="Money at risk">
      {silent === undefined ? null : (
        <p>
          <Unknown reading={silent} />
        </p>
      )}
      {risks.length > 0 ? (
        <>
          <RiskTable risks={risks} now={now} />
          {knownOf(snapshot.money)?.at_least === true ? (
            <p class="soft">At least: more is open than is counted.</p>
          ) : null}
        </>
      ) : silent === undefined ? (
        <p>
          <Status tone="good">All money is where it belongs.</Status>
        </p>
      ) : null}
    </Card>
  );
}

function RiskTable({ risks, now }: { readonly risks: readonly Risk[]; readonly now: number }) {
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">What</th>
          <th scope="col" class="right">
            Count
          </th>
          <th scope="col" class="right">
            Amount
          </th>
          <th scope="col" class="right">
            Oldest
          </th>
        </tr>
      </thead>
      <tbody>
        {risks.map(({ what, href, currency, count, amount_cents, oldest_at }) => (
          <tr key={`${what}${currency}`}>
            <th scope="row">
              <a href={href}>{what}</a>
            </th>
            <td class="right">{countText(count)}</td>
            <td class="right nowrap">
              {currency === null ? (
                <span class="soft">no payment of ours</span>
              ) : (
                moneyText(amount_cents, currency)
              )}
            </td>
            <td class="right nowrap">
              <When at={oldest_at} show="ago" now={now} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
