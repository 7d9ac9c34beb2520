// Pages of the console about money, dead letters, runs, topics and stock, and its graphs, with made-up content, for its preview and its unit tests.
import type { VNode } from "preact";
import { DeadLetterPage } from "../console/pages/dead-letter.tsx";
import { DeadLettersPage } from "../console/pages/dead-letters.tsx";
import { Found } from "../console/pages/find.tsx";
import { Graphs } from "../console/pages/graphs.tsx";
import { Outboxes } from "../console/pages/outboxes.tsx";
import { PaymentAlerts, Payments } from "../console/pages/payments.tsx";
import { RunPage } from "../console/pages/run.tsx";
import { Runs } from "../console/pages/runs.tsx";
import { StockPage } from "../console/pages/stock.tsx";
import { TopicDetail } from "../console/pages/topic.tsx";
import { Topics } from "../console/pages/topics.tsx";
import type { SignedIn } from "../console/visit.ts";
import type { DeadLetters } from "../operations/dead-letters.ts";
import type { ItemRow } from "../operations/plan-store.ts";
import type { RunView } from "../operations/plans.ts";
import type { GroupMember, TopicReading } from "../../schemas/overview.ts";
import { chargePayment } from "./commands.ts";
import { known, NOW, sagaId, snapshotOf } from "./console.ts";
import { anHourOfPoints } from "./console-hour.ts";
import { deadLetterOf } from "./dead-letters.ts";

/** What a stranger could have written. */
const EVIL = "<script>alert(1)</script>";
const RECORD = deadLetterOf(chargePayment(sagaId(1)), {
  service: "payment",
  error: `boom ${EVIL}`,
  failedAt: NOW - 9_000,
});
const DEAD: DeadLetters = {
  matched: 1,
  total: 1,
  unreadable: 0,
  causes: [
    {
      service: RECORD.service,
      type: "ChargePayment",
      error_code: RECORD.error_code,
      fingerprint: RECORD.error_message,
      count: 1,
      oldest: RECORD.last_failure_at,
      newest: RECORD.last_failure_at,
    },
  ],
  entries: [{ ...RECORD, handling: "open", replays: 0 }],
};

/** A plan. */
export const RUN: RunView = {
  plan_id: sagaId(50),
  kind: "dead-letter.replay",
  selection: { service: "payment" },
  totals: {
    acts: 30,
    units: 30,
    skipped: 1,
    refused: 2,
    money: [{ currency: "EUR", amount_cents: 231_000, sagas: 30 }],
  },
  state: "draft",
  allows_quarantined: false,
  created_by: "ada",
  created_at: NOW - 60_000,
  expires_at: NOW + 840_000,
  started_by: null,
  reason: null,
  started_at: null,
  ended_at: null,
  rate_per_second: 20,
  max_error_rate: 0.1,
  wait_ms: 30_000,
  batch_size: 0,
  pause_after: null,
  halted_because: null,
  executor: null,
  counts: { sent: 0, discarded: 0, skipped: 0, refused: 0, failed: 0, in_flight: 0, not_reached: 33 },
  units_done: 0,
  needs_typed_count: true,
  estimate_ms: 4_000,
};
const RUNNING: RunView = {
  ...RUN,
  state: "paused",
  started_by: "ada",
  started_at: NOW - 30_000,
  reason: `the fix is out ${EVIL}`,
  halted_because: "more than 10 % failed again",
  counts: { ...RUN.counts, sent: 12, failed: 3, not_reached: 18 },
};
const GROUPS = [
  { service: "notification", message_type: "SendNotification", count: 28 },
  { service: "payment", message_type: EVIL, count: 2 },
];
const ALL_ITEMS = {
  part: { outcome: null, after: -1, next: null },
  only: undefined,
  waiting: null,
  groups: [],
} as const;
export const ITEM: ItemRow = {
  position: 0,
  subject: RECORD.dead_letter_id,
  saga_id: sagaId(1),
  message_id: sagaId(2),
  message_type: "ChargePayment",
  service: "payment",
  replays: 3,
  amount_cents: 7_700,
  currency: "EUR",
  units: 1,
  planned: "send",
  why: null,
  outcome: "failed",
  result: "dead-lettered",
  detail: EVIL,
  units_done: 0,
  settled_at: NOW,
};
const REPUBLISH: RunView = {
  ...RUN,
  kind: "outbox.republish",
  selection: { since: NOW - 7_200_000, until: null, published_before: NOW },
  totals: { acts: 1, units: 12_000, skipped: 0, refused: 0, money: [] },
  rate_per_second: 5_000,
  max_error_rate: 0,
  counts: { ...RUN.counts, not_reached: 1 },
};
const OUTBOX_ITEM: ItemRow = {
  ...ITEM,
  subject: "saga",
  saga_id: null,
  message_type: "outbox",
  service: "saga",
  amount_cents: null,
  currency: null,
  units: 12_000,
  outcome: null,
  result: null,
  detail: EVIL,
  settled_at: null,
};
const PAYMENT = {
  id: sagaId(60),
  saga_id: sagaId(1),
  status: "UNKNOWN",
  amount_cents: 7_700,
  currency: "EUR",
  provider: "stripe",
  provider_id: null,
  idempotency_key: `${sagaId(1)}:charge`,
  attempts: 4,
  error_code: "PROVIDER_TIMEOUT",
  created_at: NOW - 700_000,
  first_attempt_at: NOW - 690_000,
  next_attempt_at: NOW + 30_000,
};
const ALERT = {
  alert_id: sagaId(61),
  kind: "amount_differs",
  subject: "pi_3Qx",
  saga_id: sagaId(1),
  detail: `ours 77.00 EUR, theirs 78.00 EUR ${EVIL}`,
  opened_by: "reconciliation" as const,
  opened_at: NOW - 3_600_000,
  last_seen_at: NOW - 60_000,
  closed_at: null,
  closed_by: null,
  close_note: null,
};
const CLOSED = { ...ALERT, alert_id: sagaId(62), closed_at: NOW, closed_by: "ada", close_note: EVIL };

/** Of the two members of payment one is stuck; nobody reads for order, and who reads for inventory is not known. */
function topicReading(): TopicReading {
  const member = (name: string) => ({ id: `payment-${sagaId(1)}`, instance: name, host: "10.0.0.7" });
  const partition = (number: number, member_: GroupMember, unmoved_since: number | null) => ({
    partition: number,
    first: 12,
    end: 42,
    groups: [
      { group: "inventory", committed: 42, lag: 0, unmoved_since: null, member: null },
      { group: "payment", committed: 40, lag: 2, unmoved_since, member: member_ },
      { group: "order", committed: null, lag: 30, unmoved_since: NOW - 90_000, member: null },
    ],
  });
  return {
    partitions: [
      partition(3, member("payment-a"), NOW - 45_000),
      partition(4, member(EVIL), NOW - 500),
      partition(5, member("payment-a"), NOW - 45_000),
    ],
    groups: [
      { group: "inventory", state: null, unknown: EVIL },
      { group: "payment", state: "Stable", unknown: null },
      { group: "order", state: "Empty", unknown: null },
    ],
  };
}

const TOPIC = {
  topic: "checkout-commands",
  reading: { at: NOW, value: topicReading() },
};
const OF_SAGA = { sagaId: sagaId(1), partition: null, at: null, offset: null, turn: null };
const TOPIC_PAGE = {
  topic: "checkout-commands",
  order: "oldest first" as const,
  messages: [
    {
      partition: 3,
      offset: 41,
      at: NOW,
      type: `ChargePayment ${EVIL}`,
      saga_id: sagaId(1),
      key: sagaId(1),
      value: { text: EVIL },
    },
  ],
  read: [{ partition: 3, from: 12, to: 42 }],
  stopped: "messages" as const,
  older_deleted: true,
  newer: "3:42",
  older: null,
};

/** By path. */
export const MORE_PREVIEWS: Readonly<Record<string, (visit: SignedIn) => VNode>> = {
  "/graphs": (frame) => Graphs({ frame, points: anHourOfPoints() }),
  "/no-graphs": (frame) => Graphs({ frame, points: [] }),
  "/payments": (frame) =>
    Payments({ frame, snapshot: snapshotOf(), view: "unknown", payments: [PAYMENT], hasMore: true }),
  "/no-payments": (frame) =>
    Payments({ frame, snapshot: snapshotOf(), view: "refunds", payments: [], hasMore: false }),
  "/payments/alerts": (frame) => PaymentAlerts({ frame, alerts: [ALERT, CLOSED], withClosed: true }),
  "/dead-letters": (frame) =>
    DeadLettersPage({
      frame,
      found: DEAD,
      filter: { service: "payment" },
      all: false,
      more: "/dead-letters?more=1",
    }),
  "/dead-letter": (frame) =>
    DeadLetterPage({
      frame,
      shown: {
        record: { ...RECORD, handling: "open", replays: 3 },
        body: `{ "text": "${EVIL}" }`,
        verdict: { isGood: false, text: "refused: its saga is COMPENSATED" },
        sagaStatus: "COMPENSATED",
        isRevealed: false,
        isOpen: true,
        handled: undefined,
      },
    }),
  "/runs": (frame) => Runs({ frame, runs: [RUN, RUNNING], state: null, older: null }),
  "/plan": (frame) =>
    RunPage({
      frame,
      run: RUN,
      items: [{ ...ITEM, outcome: null, result: null }],
      ...ALL_ITEMS,
      groups: GROUPS,
      now: NOW,
    }),
  "/run": (frame) => RunPage({ frame, run: RUNNING, items: [ITEM], ...ALL_ITEMS, now: NOW }),
  "/republish-plan": (frame) =>
    RunPage({ frame, run: REPUBLISH, items: [OUTBOX_ITEM], ...ALL_ITEMS, now: NOW }),
  "/outboxes": (frame) =>
    Outboxes({
      frame,
      rows: snapshotOf().outboxes.map((one, index) => ({
        ...one,
        held: index === 0 ? { at: NOW, value: NOW - 3_600_000 } : { unknown_since: NOW, why: EVIL },
      })),
    }),
  "/topics": (frame) => {
    const stuck = (snapshotOf().topics.value ?? []).map((topic) => ({
      ...topic,
      groups: topic.groups.map((one) =>
        one.group === "payment" ? { ...one, unmoved_since: NOW - 45_000 } : one,
      ),
    }));
    return Topics({ frame, topics: known(stuck) });
  },
  "/topic": (frame) =>
    TopicDetail({
      ...TOPIC,
      frame,
      given: new URLSearchParams({ saga: EVIL }),
      found: { request: OF_SAGA, page: TOPIC_PAGE },
    }),
  "/topic-empty": (frame) =>
    TopicDetail({
      ...TOPIC,
      frame,
      given: new URLSearchParams(),
      found: { request: OF_SAGA, page: { ...TOPIC_PAGE, messages: [], stopped: "end", newer: null } },
    }),
  "/topic-away": (frame) =>
    TopicDetail({
      frame,
      topic: TOPIC.topic,
      reading: { unknown_since: NOW, why: EVIL },
      given: new URLSearchParams(),
      found: { request: { ...OF_SAGA, sagaId: null }, unread: EVIL },
    }),
  "/topic-wrong": (frame) =>
    TopicDetail({
      ...TOPIC,
      frame,
      given: new URLSearchParams({ at: EVIL }),
      found: { faults: [`at must be ${EVIL}`] },
    }),
  "/stock": (frame) =>
    StockPage({
      frame,
      stock: {
        sku_id: "mug-red",
        name: `Mug ${EVIL}`,
        unit_price_cents: 1_400,
        currency: "EUR",
        stocked: 100,
        available: 60,
        held: 3,
        updated_at: NOW,
      },
      reservations: [
        {
          saga_id: sagaId(1),
          reservation_id: sagaId(3),
          quantity: 2,
          status: "HELD",
          reserved_at: NOW - 4_000,
          expires_at: NOW + 600_000,
        },
      ],
    }),
  "/found": (frame) =>
    Found({
      frame,
      text: EVIL,
      found: {
        hits: [{ kind: "saga", id: sagaId(1), saga_id: sagaId(1), what: "COMPLETED" }],
        missing: [{ database: "order", reason: "connect ECONNREFUSED" }],
      },
      words: null,
    }),
  "/not-found": (frame) =>
    Found({
      frame,
      text: `Kettle ${EVIL}`,
      found: { hits: [], missing: [] },
      words: {
        matched: ["Kettle"],
        unmatched: [EVIL],
        products: [{ sku_id: "kettle-1", name: `Kettle ${EVIL}`, also_called: null, has_sagas: true }],
        has_more: false,
      },
    }),
};
