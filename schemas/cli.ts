// What each command of checkoutctl prints with --json, by the words of the command. A script may rely on it: fields are added, never
// removed. docs/cli.md is generated from it; tests check the output of every command against it, and that every command has one.
import { type TObject, type TProperties, type TSchema, Type } from "@sinclair/typebox";
import { RUN_OUTPUTS } from "./cli-runs.ts";
import { CostReport } from "./cost.ts";
import { DeadLetter } from "./dead-letter.ts";
import { DoctorReport } from "./doctor.ts";
import { PricedItem, ShippingAddress, Tracking } from "./fields.ts";
import {
  CatalogueChanges,
  CatalogueItem,
  OrderCancelling,
  OrderStatus,
  SagaCancelled,
  SagaStatus,
  ShipmentRecorded,
} from "./http.ts";
import { Overview } from "./overview.ts";

const text = Type.String();
const count = Type.Integer({ minimum: 0 });
const flag = Type.Boolean();
const epochMs = Type.Number({ description: "milliseconds since the Unix epoch" });
const cents = Type.Number({ description: "minor units of the currency" });
const list = <Schema extends TSchema>(schema: Schema) => Type.Array(schema);
const orNull = <Schema extends TSchema>(schema: Schema) => Type.Union([schema, Type.Null()]);
/** Nothing that is not documented. */
const shape = <Properties extends TProperties>(properties: Properties): TObject<Properties> =>
  Type.Object(properties, { additionalProperties: false });

const sagaFields = {
  saga_id: text,
  user_id: text,
  table_version: count,
  status: SagaStatus,
  current_step: text,
  compensation_step: orNull(text),
  failure_code: orNull(text),
  failure_message: orNull(text),
  needs_operator: flag,
  total_cents: orNull(cents),
  currency: text,
  order_id: orNull(text),
  deadline_at: orNull(epochMs),
  created_at: epochMs,
  completed_at: orNull(epochMs),
};
const Saga = shape(sagaFields);

const StuckSaga = shape({
  saga_id: text,
  table_version: count,
  status: SagaStatus,
  current_step: text,
  compensation_step: orNull(text),
  payment_succeeded: flag,
  resend_count: count,
  needs_operator: flag,
  created_at: epochMs,
  progress_at: epochMs,
  waits_for: text,
});
const NeedyCancellation = shape({
  saga_id: text,
  order_id: text,
  status: Type.Literal("CANCELLING"),
  step: text,
  resend_count: count,
  needs_operator: flag,
  created_at: epochMs,
  waits_for: text,
});

const traceFields = {
  trace_id: orNull(text),
  trace_url: Type.Union([text, Type.Null()], { description: "null without TRACE_URL_TEMPLATE" }),
};

const SagaStory = shape({
  saga: Saga,
  ...traceFields,
  history: list(
    shape({
      history_id: count,
      from_status: text,
      to_status: text,
      step: text,
      message_id: orNull(text),
      message_type: text,
      note: orNull(text),
      at: epochMs,
    }),
  ),
  lines: Type.Array(
    shape({
      sku_id: text,
      quantity: count,
      unit_price_cents: Type.Union([cents, Type.Null()], { description: "null until the stock is reserved" }),
      name: Type.Union([text, Type.Null()], {
        description: "null if the catalogue does not answer, or no longer has it",
      }),
    }),
    { description: "what was ordered" },
  ),
  reservation: list(
    shape({
      reservation_id: text,
      status: text,
      sku_id: orNull(text),
      quantity: count,
      reserved_at: epochMs,
      expires_at: epochMs,
    }),
  ),
  money: list(
    shape({
      kind: Type.Union([Type.Literal("payment"), Type.Literal("refund")]),
      id: text,
      status: text,
      amount_cents: cents,
      provider_id: orNull(text),
      error_code: orNull(text),
      attempts: count,
      created_at: epochMs,
      updated_at: epochMs,
    }),
  ),
  alerts: Type.Array(
    shape({ kind: text, subject: text, detail: text, opened_at: epochMs, closed_at: orNull(epochMs) }),
    { description: "what a person must know about the money, as in `payments alerts`" },
  ),
  orders: list(shape({ order_id: text, status: text, total_cents: cents, created_at: epochMs })),
  timeline: list(
    shape({
      id: Type.String({ description: "unique in this answer, and the same each time" }),
      at: epochMs,
      who: text,
      kind: Type.String({ description: "transition, message, state, waiting or operator" }),
      what: text,
      failed: flag,
      detail: Type.Unknown({ description: "what is known of it, without personal data" }),
    }),
  ),
  missing: Type.Array(shape({ database: text, reason: text }), {
    description: "databases that did not answer; what they know is not in here",
  }),
});

const orderFields = {
  order_id: text,
  saga_id: text,
  user_id: orNull(text),
  status: OrderStatus,
  total_cents: cents,
  currency: orNull(text),
  tracking: orNull(Tracking),
  created_at: epochMs,
  updated_at: epochMs,
  shipped_at: orNull(epochMs),
  delivered_at: orNull(epochMs),
};

const handledItems = list(
  shape({
    dead_letter_id: text,
    saga_id: orNull(text),
    type: text,
    outcome: Type.String({ description: "what was done, or with --dry-run would be" }),
    detail: orNull(text),
  }),
);

const backlog = shape({ count, oldest_at: orNull(epochMs) });
const grantsOfDatabase = shape({
  database: text,
  statements: list(text),
  unnamed: list(text),
  owners: Type.Array(text, {
    description: "who may still do everything, besides superusers and the migrator",
  }),
  excess: Type.Array(text, {
    description:
      "SQL that takes away what a role may do besides its rights on tables: powers at the server, other roles",
  }),
});
const difference = shape({ topic: text, name: text, is: text, shouldBe: text });

const Audit = shape({
  ok: flag,
  audited_at: epochMs,
  sagas: shape({ total: count, judged: count, by_status: Type.Record(text, count) }),
  messages: shape({ in_outboxes: count, in_topics: count }),
  invariants: list(
    shape({
      name: text,
      sentence: text,
      violations: count,
      findings: list(shape({ saga_id: orNull(text), detail: text })),
    }),
  ),
  foreign: shape({
    count,
    messages: list(
      shape({
        topic: text,
        partition: count,
        offset: count,
        dead_letter_id: text,
        discarded_by: text,
        reason: text,
        discarded_at: epochMs,
      }),
    ),
  }),
  open: shape({
    sagas: backlog,
    unpublished: Type.Record(text, backlog),
    retries: Type.Record(text, backlog),
    dead_letters: backlog,
  }),
  not_checked: list(text),
});

const accessRule = {
  resource: Type.Union([Type.Literal("topic"), Type.Literal("group"), Type.Literal("cluster")]),
  name: text,
  pattern: Type.Union([Type.Literal("LITERAL"), Type.Literal("PREFIXED")]),
  principal: text,
  host: text,
  operation: text,
  permission: Type.Union([Type.Literal("ALLOW"), Type.Literal("DENY")]),
};
const AccessDifference = shape({
  in_force: Type.Boolean({ description: "before: nothing differs, and nobody else can change our topics" }),
  missing: list(shape(accessRule)),
  extra: Type.Array(shape(accessRule), { description: "of our accounts, and not in the table" }),
  foreign: Type.Array(
    shape({
      ...accessRule,
      endangers: Type.Boolean({
        description: "with it somebody else can change our topics or take our messages",
      }),
    }),
    { description: "of others, about our topics, our groups or the cluster; they stay" },
  ),
});

const republished = shape({ database: text, events: count });
const keys = shape({ PAYMENT_PUBLIC_JWK: text, PAYMENT_PRIVATE_JWK: text });

export const CLI_OUTPUTS: Readonly<Record<string, TSchema>> = {
  ...RUN_OUTPUTS,
  "grants plan": list(grantsOfDatabase),
  "grants check": list(grantsOfDatabase),
  "grants apply": list(shape({ database: text, statements: list(text), passwords: list(text) })),
  "grants redis": Type.Array(text, { description: "the lines of the ACL file" }),
  migrate: shape({ dry_run: flag, databases: list(shape({ database: text, migrations: list(text) })) }),
  "acl plan": AccessDifference,
  "acl apply": AccessDifference,
  "acl check": AccessDifference,
  "topics create": shape({
    created: list(text),
    existing: list(text),
    corrected: list(difference),
    differing: list(difference),
  }),
  "topics ls": list(
    shape({ topic: text, partitions: count, copies: count, under_replicated: count, leaderless: count }),
  ),
  "topics lag": shape({
    seconds: Type.Integer({ minimum: 0, description: "between the two looks" }),
    groups: list(
      shape({
        topic: text,
        group: text,
        state: Type.Union([text, Type.Null()], { description: "in Kafka's words; null: not known" }),
        unknown: Type.Union([text, Type.Null()], { description: "why its members are not known" }),
      }),
    ),
    lines: list(
      shape({
        group: text,
        topic: text,
        partition: count,
        committed: Type.Union([count, Type.Null()], { description: "null: nothing yet" }),
        end: count,
        lag: count,
        unmoved_since: Type.Union([epochMs, Type.Null()], {
          description: "of the first look that found the same; null: nothing waits",
        }),
        member: Type.Union(
          [
            shape({
              id: text,
              instance: Type.Union([text, Type.Null()], { description: "INSTANCE_ID, if it is set" }),
              host: text,
            }),
            Type.Null(),
          ],
          { description: "null: nobody, or not known" },
        ),
        stuck: Type.Boolean({ description: "messages wait, and nothing was committed between the looks" }),
      }),
    ),
  }),
  "topics read": shape({
    topic: text,
    order: Type.Union([Type.Literal("oldest first"), Type.Literal("newest first")]),
    messages: list(
      shape({
        partition: count,
        offset: count,
        at: epochMs,
        type: text,
        saga_id: orNull(text),
        key: orNull(text),
        value: Type.Unknown({ description: "without personal data; null if it is not JSON" }),
      }),
    ),
    read: Type.Array(
      shape({ partition: count, from: count, to: Type.Integer({ minimum: 0, description: "exclusive" }) }),
      { description: "the offsets that were looked through" },
    ),
    stopped: Type.Union(
      [Type.Literal("full"), Type.Literal("end"), Type.Literal("messages"), Type.Literal("seconds")],
      {
        description:
          "why it ends here. full: as many as --limit; end: there are no more; messages: the limit of messages to look through; seconds: the time limit",
      },
    ),
    older_deleted: Type.Boolean({
      description: "it reaches down to the first message that Kafka still has, and there were older ones",
    }),
    newer: Type.Union([text, Type.Null()], { description: "where --from goes on" }),
    older: Type.Union([text, Type.Null()], { description: "where --to goes on" }),
  }),
  "catalogue import": Type.Composite([shape({ dry_run: flag }), CatalogueChanges]),
  "catalogue load": shape({ loaded: count, units: count }),
  "catalogue ls": list(CatalogueItem),
  "catalogue rebuild": shape({ run_id: text, lost: count, settled: count, answered: count }),
  doctor: DoctorReport,
  top: Overview,
  cost: CostReport,
  audit: Audit,
  find: shape({
    hits: list(shape({ kind: text, id: text, saga_id: orNull(text), what: text })),
    missing: list(shape({ database: text, reason: text })),
  }),
  "saga ls": Type.Union([list(Saga), list(Type.Union([StuckSaga, NeedyCancellation]))], {
    description: "with --stuck the second form",
  }),
  "saga find": shape({
    sagas: list(
      shape({
        ...sagaFields,
        updated_at: epochMs,
        resend_count: count,
        items: list(shape({ sku_id: text, quantity: count })),
      }),
    ),
    next: Type.Union([text, Type.Null()], { description: "the --after of the next page" }),
    total: orNull(shape({ count, at_least: flag })),
    searched_to: orNull(epochMs),
    missing: list(shape({ database: text, reason: text })),
    products: orNull(
      Type.Object(
        {
          found: list(shape({ sku_id: text, name: text, also_called: orNull(text) })),
          too_many: flag,
        },
        { description: "what --product was understood as" },
      ),
    ),
  }),
  "saga show": SagaStory,
  "saga trace": shape({
    saga_id: text,
    ...traceFields,
    started_now: Type.Boolean({ description: "false: it was traced before" }),
  }),
  "saga cancel": Type.Composite([
    SagaCancelled,
    shape({ cancelled_now: Type.Boolean({ description: "false: it was compensating already" }) }),
  ]),
  "saga rebuild": shape({
    dry_run: flag,
    run_id: text,
    lost_messages: count,
    sagas: list(
      shape({ saga_id: text, from: orNull(SagaStatus), to: SagaStatus, says: list(text), key_taken: flag }),
    ),
    cancellations: shape({ rebuilt: list(shape({ saga_id: text, step: text })), not_rebuilt: list(text) }),
    missed_events: count,
    not_rebuilt: list(text),
  }),
  "order ls": list(shape(orderFields)),
  "order show": shape({ ...orderFields, items: list(PricedItem), shipping_address: orNull(ShippingAddress) }),
  "order ship": ShipmentRecorded,
  "order deliver": ShipmentRecorded,
  "order cancel": Type.Composite([
    OrderCancelling,
    shape({ started_now: Type.Boolean({ description: "false: it was being cancelled already" }) }),
  ]),
  "order rebuild": shape({
    dry_run: flag,
    run_id: text,
    orders: list(
      shape({
        order_id: text,
        saga_id: text,
        from: orNull(OrderStatus),
        to: OrderStatus,
        tracking: orNull(Tracking),
      }),
    ),
    answered: count,
    open: list(shape({ order_id: text, saga_id: text, what: text })),
    skipped: list(text),
    erased_shoppers: list(text),
  }),
  "dlq ls": shape({
    total: count,
    unreadable: count,
    causes: list(shape({ service: text, type: text, error_code: text, count, oldest: text, newest: text })),
    entries: list(Type.Composite([DeadLetter, shape({ handling: text })])),
  }),
  "dlq show": shape({
    record: DeadLetter,
    value: orNull(text),
    key: orNull(text),
    headers: Type.Record(text, text),
    handling: text,
    saga: orNull(Saga),
    replay: text,
    replays: count,
    missing: Type.Array(shape({ database: text, reason: text }), {
      description: "the databases that did not answer; without them `replay` is not known",
    }),
  }),
  "dlq replay": Type.Union([
    shape({ dry_run: Type.Literal(true), items: handledItems }),
    shape({
      dry_run: Type.Literal(false),
      run_id: text,
      sent: count,
      failed: count,
      left: count,
      stopped: orNull(Type.Union([Type.Literal("error rate"), Type.Literal("interrupted")])),
      items: handledItems,
    }),
  ]),
  "dlq discard": shape({ dry_run: flag, items: handledItems }),
  "outbox republish": Type.Union([
    shape({
      dry_run: Type.Literal(true),
      warnings: list(text),
      outboxes: list(shape({ database: text, events: count, oldest_at: orNull(epochMs) })),
      confirm: Type.Integer({ description: "the number of messages, for --confirm" }),
      since: Type.String({ description: "for --since, instead of a duration: then it is this number" }),
      until: Type.Union([text, Type.Null()], { description: "for --until; null: without one" }),
      published_before: Type.String({ description: "for --published-before: then it is this number" }),
    }),
    shape({
      dry_run: Type.Literal(false),
      warnings: list(text),
      run_id: Type.Union([text, Type.Null()], { description: "null: there was nothing to publish" }),
      outboxes: list(republished),
      interrupted: flag,
      again: Type.Union([text, Type.Null()], { description: "options that continue an interrupted run" }),
    }),
  ]),
  "outbox restore": shape({
    dry_run: flag,
    run_id: text,
    topics: list(shape({ topic: text, messages: count })),
  }),
  repair: shape({
    dry_run: flag,
    running: Type.Array(text, { description: "what must be stopped first" }),
    confirm: Type.Integer({ description: "the number of messages, for --confirm" }),
    databases: Type.Array(
      shape({
        database: text,
        since: Type.Number({ description: "nothing before it is lost; milliseconds since the Unix epoch" }),
        resumes: Type.Boolean({ description: "an earlier repair was interrupted" }),
        lost: list(shape({ type: text, count })),
        delivered_again: list(shape({ type: text, count })),
        sagas: list(shape({ saga_id: text, lost: list(text), delivered_again: list(text) })),
        steps: list(text),
      }),
      { description: "those that lack something" },
    ),
    nowhere: Type.Array(text, { description: "checkouts of the journal that left no trace" }),
    repaired: list(
      shape({
        database: text,
        outbox: list(shape({ topic: text, messages: count })),
        sagas: Type.Optional(Type.Object({ lost_messages: count })),
        cancellations: Type.Optional(
          shape({ rebuilt: list(shape({ saga_id: text, step: text })), not_rebuilt: list(text) }),
        ),
        stock: Type.Optional(shape({ run_id: text, lost: count, settled: count, answered: count })),
        payments: Type.Optional(shape({ run_id: text, asked: count, lost: count, open: count, held: count })),
        reopened: Type.Optional(
          shape({ compared: count, reopened: list(text), open: list(text), later: list(text) }),
        ),
        orders: Type.Optional(Type.Object({ answered: count })),
        delivered_again: count,
        not_repaired: Type.Array(text, { description: "what is left for a person" }),
        unfinished: Type.Boolean({ description: "to be run again when a person has decided" }),
      }),
    ),
    next: orNull(text),
    mails: Type.Union([count, Type.Null()], { description: "of --database notification" }),
  }),
  "payments alerts": list(
    shape({
      alert_id: text,
      kind: text,
      subject: text,
      saga_id: orNull(text),
      detail: text,
      opened_by: text,
      opened_at: epochMs,
      last_seen_at: epochMs,
      closed_at: orNull(epochMs),
      closed_by: orNull(text),
      close_note: orNull(text),
    }),
  ),
  "payments close": shape({ alert_id: text, closed_by: text, close_note: text }),
  "payments reconcile": shape({ compared_until: epochMs, due_at: epochMs }),
  "payments settle": shape({ saga_id: text, payment_id: text, status: text, looked_up: text }),
  "payments rebuild": shape({ run_id: text, asked: count, lost: count, open: count, held: count }),
  "shopper erase": shape({
    user_id: text,
    checkouts: count,
    sagas: count,
    orders: count,
    messages: count,
    gone_from_topics_at: epochMs,
    gone_from_dead_letters_at: epochMs,
  }),
  "session revoke": shape({ revoked: text, expires_at: text }),
  "session ls": list(shape({ revoked: text, expires_at: text })),
  "storefront verify": shape({
    url: text,
    release: text,
    ok: flag,
    checks: list(
      shape({
        check: text,
        result: Type.Union([Type.Literal("ok"), Type.Literal("FAILED"), Type.Literal("not checked")]),
        says: list(text),
      }),
    ),
  }),
  "keys generate": keys,
  "keys rotate": keys,
  "keys caller": shape({
    GATEWAY_PRIVATE_JWK: Type.Optional(text),
    NOTIFICATION_PRIVATE_JWK: Type.Optional(text),
    OPERATORS_PRIVATE_JWK: Type.Optional(text),
    TRUSTED_CALLERS_JWKS: text,
  }),
  token: Type.Union(
    [
      shape({ token: text, user_id: text, expires_at: text }),
      shape({ token: text, name: text, role: text, expires_at: text }),
    ],
    { description: "with --operator the second form" },
  ),
};
