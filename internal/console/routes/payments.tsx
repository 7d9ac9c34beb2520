// Money: what has no end yet, and the alerts.
import { Value } from "@sinclair/typebox/value";
import type { Sql } from "postgres";
import { Uuid } from "../../../schemas/fields.ts";
import { assertNever } from "../../kernel/errors.ts";
import { heldPayments, openPayments, openRefunds } from "../../operations/open-payment-store.ts";
import {
  closePaymentAlert,
  listPaymentAlerts,
  requestReconciliation,
} from "../../operations/payment-alert-store.ts";
import { acted, done, reasonOf } from "../acts.ts";
import { liveResponse, rendered } from "../live.ts";
import {
  alertColumns,
  PAYMENT_VIEWS,
  paymentColumns,
  paymentMore,
  PaymentAlerts,
  Payments,
} from "../pages/payments.tsx";
import { PAYMENT_PARTS } from "../parts/payment-parts.ts";
import { allOf } from "../parts/live-parts.tsx";
import { notFound, Problem } from "../problem.ts";
import { cutAt, exported, isExport, page } from "../respond.ts";
import type { SignedIn } from "../visit.ts";
import type { ConsoleRoute } from "./route.ts";

export const paymentRoutes: readonly ConsoleRoute[] = [
  { method: "GET", path: "/payments", name: "payments", needs: "viewer", handle: payments },
  { method: "GET", path: "/payments/events", name: "payments_events", needs: "viewer", handle: events },
  { method: "GET", path: "/payments/alerts", name: "payment_alerts", needs: "viewer", handle: alertsPage },
  {
    method: "POST",
    path: "/payments/alerts/:id/close",
    name: "payment_alert_close",
    needs: "operator",
    handle: close,
  },
  { method: "POST", path: "/payments/compare", name: "payments_compare", needs: "operator", handle: compare },
];

const LIMIT = 500;
/** In one file. */
const EXPORTED = 10_000;

async function payments(visit: SignedIn): Promise<Response> {
  const { query, options, now } = visit;
  const sql = options.databases.payment;
  const asked = PAYMENT_VIEWS.find(([name]) => name === query.get("show"))?.[0];
  const view = asked === "pending" || asked === "held" || asked === "refunds" ? asked : "unknown";
  const most = isExport(visit) ? EXPORTED : LIMIT;
  const limit = most + 1;
  const oldest = await paymentsOf(view, sql, limit);
  const { rows: found, cut } = cutAt(oldest, most);
  const file = exported(visit, "payments", [...paymentColumns(now), ...paymentMore], found, cut);
  if (file !== null) return file;
  const snapshot = await options.collector.fresh();
  return page(
    visit,
    <Payments frame={visit} view={view} payments={found} hasMore={cut !== null} snapshot={snapshot} />,
  );
}

function paymentsOf(view: "unknown" | "pending" | "held" | "refunds", sql: Sql, limit: number) {
  switch (view) {
    case "refunds":
      return openRefunds(sql, limit);
    case "held":
      return heldPayments(sql, limit);
    case "pending":
      return openPayments(sql, { status: "PENDING", limit });
    case "unknown":
      return openPayments(sql, { status: "UNKNOWN", limit });
    default:
      return assertNever(view);
  }
}

/** The money at risk, and how the providers are. The table stays as it is: rows that go away while somebody reads them confuse. */
function events(visit: SignedIn): Response {
  const { collector, clock } = visit.options;
  const parts = () => rendered(allOf(PAYMENT_PARTS, { snapshot: collector.snapshot(), now: clock.now() }));
  return liveResponse(visit, { parts, watch: (tell) => collector.watch(tell) });
}

async function alertsPage(visit: SignedIn): Promise<Response> {
  const { query, options } = visit;
  const withClosed = query.has("closed");
  const most = isExport(visit) ? EXPORTED : LIMIT;
  const newest = await listPaymentAlerts(options.databases.payment, { closed: withClosed, limit: most + 1 });
  const { rows: alerts, cut } = cutAt(newest, most);
  return (
    exported(visit, "payment-alerts", alertColumns, alerts, cut) ??
    page(visit, <PaymentAlerts frame={visit} alerts={alerts} withClosed={withClosed} />)
  );
}

async function close(visit: SignedIn): Promise<Response> {
  const id = visit.params["id"] ?? "";
  const reason = reasonOf(visit);
  if (!Value.Check(Uuid, id)) throw notFound("There is no such alert.");
  const { payment } = visit.options.databases;
  await acted(visit, { action: "payment-alert.close", subject: id, reason, outcome: "closed" }, async () => {
    if (!(await closePaymentAlert(payment, id, { actor: visit.actor.name, reason })))
      throw new Problem(
        409,
        "Refused",
        "There is no open alert with this id: somebody else may have closed it.",
      );
  });
  return done(visit, "/payments/alerts", "The alert is closed.");
}

async function compare(visit: SignedIn): Promise<Response> {
  const reason = reasonOf(visit);
  const act = { action: "payments.reconcile", subject: "payment", reason, outcome: "requested" } as const;
  await acted(visit, act, () => requestReconciliation(visit.options.databases.payment));
  return done(visit, "/payments/alerts", "The payment service compares now. Differences appear here.");
}
