// What the judge reads, as ports: checkoutctl wires them, tests give arrays. The audit believes none of them alone; an
// invariant is where two of them must agree.
import type { Sql } from "postgres";
import type { DatabaseName } from "../../schemas/migrations.ts";
import type { ProviderLedgerEntry } from "../../schemas/provider-ledger.ts";
import type { Topic } from "../../schemas/topics.ts";

export interface AuditSources {
  readonly databases: Readonly<Record<DatabaseName, Sql>>;
  /** Everything in the topic, from its beginning to at least the end it had when asked. */
  readonly readTopic: (topic: Topic) => Stream<TopicBatch>;
  /** The provider's own account of what happened, from its beginning. */
  readonly ledger: () => Stream<ProviderLedgerEntry>;
  /** Ids of the sagas that a client was promised by a 202. Left out where nobody kept a journal. */
  readonly journal?: () => Stream<string>;
}

export type Stream<T> = AsyncIterable<T> | Iterable<T>;

/** Valid until the next batch is asked for. */
export interface TopicBatch {
  /** Parsed JSON. */
  readonly values: readonly unknown[];
  /** Messages whose bytes are no JSON. */
  readonly undecodable: readonly Place[];
  /** Where `values[index]` stands. */
  raw(index: number): Place;
}

export interface Place {
  readonly partition: number;
  readonly offset: number;
}
