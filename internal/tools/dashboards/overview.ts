// The dashboard to open first: do checkouts succeed, and if not, where do they wait. One row per part of the way of a checkout.
import { CHECKOUTS, OBJECTIVES } from "./checkouts.ts";
import type { DashboardSpec } from "./dashboard.ts";
import { DEAD_LETTERS, OUTBOXES, TOPICS } from "./messages.ts";
import { MAILS, PAYMENTS, STOCK } from "./money-and-stock.ts";

export const OVERVIEW: DashboardSpec = {
  uid: "checkout-overview",
  title: "Checkout: overview",
  about: "Objectives and their budget, the flow of checkouts, topics, outboxes, payments, dead letters.",
  choosesRoles: false,
  rows: [OBJECTIVES, CHECKOUTS, TOPICS, OUTBOXES, PAYMENTS, DEAD_LETTERS, STOCK, MAILS],
};
