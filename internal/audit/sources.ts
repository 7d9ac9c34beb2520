// What the audit reads, as ports: checkoutctl wires them, tests pass arrays. The audit trusts none of them alone; an invariant is where
// two of them must agree.
import type { Sql } from "postgres";
import type { DatabaseName } from "../../schemas/migrations.ts";
import type { ProviderLedgerEntry } from "../../schemas/provider-ledger.ts";
import type { Topic } from "../../schemas/topics.ts";

export interface AuditSources {
  readonly databases: Readonly<Record<DatabaseName, Sql>>;
  /** Everything in the topic, from its beginning to at least its end at the time of the call. */
  readonly readTopic: (topic: Topic) => Stream<TopicBatch>;
  /** The provider's own ledger, from its beginning. */
  readonly ledger: () => Stream<ProviderLedgerEntry>;
  /** Ids of the sagas that a 202 promised to a client. Left out if there is no journal. */
  readonly journal?: () => Stream<string>;
}

export type Stream<T> = AsyncIterable<T> | Iterable<T>;

/** Valid until the next batch is requested. */
export interface TopicBatch {
  /** Parsed JSON. */
  readonly values: readonly unknown[];
  /** Messages that are not JSON. */
  readonly undecodable: readonly RawRecord[];
  /** The position and bytes of `values[index]`. */
  raw(index: number): RawRecord;
}

export interface RawRecord extends Place {
  readonly value: Uint8Array | null;
}

export interface Place {
  readonly partition: number;
  readonly offset: number;
}
