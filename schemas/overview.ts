// The state of the whole system at a glance: what `checkoutctl top` prints with --json, and what the operators' console shows. A part
// whose source does not answer says since when and why, and never reads as 0. Times are epoch ms.
import { type Static, type TSchema, Type } from "@sinclair/typebox";

const Count = Type.Integer({ minimum: 0 });
const EpochMs = Type.Number({ description: "milliseconds since the Unix epoch" });
const orNull = <Schema extends TSchema>(schema: Schema) => Type.Union([schema, Type.Null()]);

/** `at`: when it was read. */
export interface Known<T> {
  readonly at: number;
  readonly value: T;
}
export interface Unknown {
  readonly unknown_since: number;
  readonly why: string;
}
export type Part<T> = Known<T> | Unknown;

const PartOf = <Schema extends TSchema>(value: Schema) =>
  Type.Union([
    Type.Object({ at: EpochMs, value }),
    Type.Object({ unknown_since: EpochMs, why: Type.String() }),
  ]);

const SagaFlow = Type.Object({
  in_progress: Type.Array(
    Type.Object({
      status: Type.String(),
      step: Type.String({ description: "the step that has no reply yet, or that is being undone" }),
      count: Count,
      oldest_at: EpochMs,
    }),
  ),
  needing_operator: Count,
  cancellations_needing_operator: Count,
  charged_undo_stuck: Type.Optional(
    Type.Array(
      Type.Object({
        currency: Type.String(),
        count: Count,
        needing_operator: Count,
        amount_cents: Count,
        oldest_at: EpochMs,
      }),
      {
        description:
          "compensating checkouts whose charge succeeded and is not undone, and whose undo was sent again or needs an operator",
      },
    ),
  ),
  refund_of_cancelled_stuck: Type.Optional(
    Type.Array(
      Type.Object({
        currency: orNull(Type.String({ description: "null if the checkout is no longer there" })),
        count: Count,
        amount_cents: Count,
        oldest_at: EpochMs,
      }),
      { description: "cancelled orders that need an operator before their refund is made" },
    ),
  ),
  window_seconds: Type.Number({
    description: "started, ended and took_ms cover this long: a minute, less under a very high load",
  }),
  started: Count,
  ended: Type.Array(
    Type.Object({ status: Type.String(), failure_code: orNull(Type.String()), count: Count }),
  ),
  took_ms: orNull(
    Type.Object(
      { p50: Type.Number(), p99: Type.Number() },
      {
        description:
          "from the checkout to its end, of those that ended and did not wait for the shopper at the bank, as the objectives count",
      },
    ),
  ),
});
export type SagaFlow = Static<typeof SagaFlow>;

const OutboxDepth = Type.Object({
  unpublished: Count,
  oldest_at: orNull(EpochMs),
  retries: Type.Integer({ minimum: 0, description: "messages that failed and wait for another try" }),
});
export type OutboxDepth = Static<typeof OutboxDepth>;

const MoneyAtRisk = Type.Object({
  payments: Type.Array(
    Type.Object({
      status: Type.String({
        description:
          "PENDING; UNKNOWN: requested without a definite result; AUTHORIZED, CAPTURE_PENDING or VOID_PENDING: the money is held",
      }),
      currency: Type.String(),
      count: Count,
      amount_cents: Count,
      oldest_at: EpochMs,
    }),
  ),
  refunds_pending: Type.Array(
    Type.Object({ currency: Type.String(), count: Count, amount_cents: Count, oldest_at: EpochMs }),
  ),
  alerts: Type.Array(Type.Object({ kind: Type.String(), count: Count, oldest_at: EpochMs })),
  at_least: Type.Optional(
    Type.Boolean({
      description: "there may be more than the 100,000 payments, refunds or alerts that were counted",
    }),
  ),
});
export type MoneyAtRisk = Static<typeof MoneyAtRisk>;

const WaitingMails = Type.Object({ waiting: Count, oldest_at: orNull(EpochMs) });
export type WaitingMails = Static<typeof WaitingMails>;

const TopicState = Type.Object({
  topic: Type.String(),
  partitions: Count,
  messages: Type.Integer({ minimum: 0, description: "offsets between start and end of the topic" }),
  end: Type.Integer({ minimum: 0, description: "sum of the end offsets, which grows with each message" }),
  groups: Type.Array(
    Type.Object({
      group: Type.String(),
      lag: Type.Integer({ minimum: 0, description: "messages that the group has not committed" }),
      unmoved_since: Type.Optional(
        Type.Number({
          description:
            "messages wait in a partition, and nothing of it was committed since then, or since somebody looked; absent if nothing waits",
        }),
      ),
    }),
  ),
});
export type TopicState = Static<typeof TopicState>;

/** One partition of a topic, as the page of the topic shows it. */
export interface PartitionState {
  readonly partition: number;
  /** The first offset that Kafka still has. */
  readonly first: number;
  /** The offset of the next message. */
  readonly end: number;
  readonly groups: readonly PartitionReading[];
}

/** How far one group is in a partition. */
export interface PartitionReading {
  readonly group: string;
  /** The offset of the next message that it will read; null: it has committed nothing here. */
  readonly committed: number | null;
  /** Messages that it has not committed. */
  readonly lag: number;
  /** Epoch ms. Messages wait, and nothing was committed since then, or since somebody looked; null: nothing waits. */
  readonly unmoved_since: number | null;
  /** Who reads it; null: nobody, or it is not known who. */
  readonly member: GroupMember | null;
}

export interface GroupMember {
  /** From Kafka, new with each start. */
  readonly id: string;
  /** INSTANCE_ID, if it is set. */
  readonly instance: string | null;
  /** The address from which it is connected. */
  readonly host: string;
}

export interface GroupState {
  readonly group: string;
  /** In Kafka's words, for example `Stable`, `Empty`; null: not known. */
  readonly state: string | null;
  /** Why it is not known who its members are; null: it is known. */
  readonly unknown: string | null;
}

/** A topic and who reads it. */
export interface TopicReading {
  readonly partitions: readonly PartitionState[];
  readonly groups: readonly GroupState[];
}

const OpenDeadLetterCount = Type.Object({
  service: Type.String(),
  count: Count,
  oldest_seconds: Type.Number({ description: "since the last failure of the oldest; 0: there is none" }),
});
export type OpenDeadLetterCount = Static<typeof OpenDeadLetterCount>;

const ProviderState = Type.Object({
  provider: Type.String(),
  breaker_open: Type.Boolean({ description: "the provider does not answer, so it is asked rarely" }),
  charges_held: Type.Boolean({ description: "new charges wait, because the provider rejects our requests" }),
  results: Type.Array(Type.Object({ outcome: Type.String(), count: Count }), {
    description: "of requests to the provider since the start of the role",
  }),
});
export type ProviderState = Static<typeof ProviderState>;

const RoleState = Type.Object({
  is_ready: Type.Boolean(),
  reasons: Type.Array(Type.String(), { description: "checks of /readyz that are down" }),
  version: orNull(Type.String()),
  started_at: orNull(EpochMs),
  cpu_seconds: orNull(Type.Number({ description: "since its start" })),
  memory_bytes: orNull(Type.Number()),
  event_loop_lag_seconds: Type.Optional(
    orNull(Type.Number({ description: "how long a task waited for the event loop when it was asked" })),
  ),
  providers: Type.Optional(Type.Array(ProviderState, { description: "of the payment role" })),
});
export type RoleState = Static<typeof RoleState>;

export const Overview = Type.Object({
  at: EpochMs,
  sagas: PartOf(SagaFlow),
  outboxes: Type.Array(Type.Object({ database: Type.String(), depth: PartOf(OutboxDepth) })),
  money: PartOf(MoneyAtRisk),
  mails: PartOf(WaitingMails),
  topics: PartOf(Type.Array(TopicState)),
  dead_letters: PartOf(Type.Array(OpenDeadLetterCount)),
  roles: Type.Array(Type.Object({ name: Type.String(), address: Type.String(), state: PartOf(RoleState) })),
});
export type Overview = Static<typeof Overview>;
