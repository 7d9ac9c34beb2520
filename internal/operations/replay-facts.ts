// Reads the facts that a replay decision needs from the four databases, in a few queries per batch. Called by plans.ts,
// by run-replay.ts right before it sends a batch, by `dlq show` and by the console.
import type { Sql } from "postgres";
import type { DeadLetter } from "../../schemas/dead-letter.ts";
import { DATABASES, type DatabaseName } from "../../schemas/migrations.ts";
import { OUTBOX_RETENTION_MS } from "../messaging/retention.ts";
import { assert } from "../kernel/errors.ts";
import { clockOf } from "./clock-store.ts";
import { handlingsOf } from "./dead-letter-store.ts";
import { consumerOf, type Facts, type Original, producerOf, readOriginal } from "./replay-plan.ts";
import { findInOutbox, signsOf } from "./replay-store.ts";
import { findSagas } from "./saga-store.ts";

export type Databases = Readonly<Record<DatabaseName, Sql>>;

/** Where the facts of this dead letter are: with its saga, its producer and its consumer. */
export function databasesFor({ original, service }: DeadLetter): readonly DatabaseName[] {
  const names = ["saga", producerOf(original.topic), consumerOf(service)] as const;
  return [...new Set(names.flatMap((name) => name ?? []))];
}

export interface Examined {
  readonly record: DeadLetter;
  readonly original: Original;
  readonly facts: Facts;
}

/** In the order given. `now` in epoch ms. `databases`: at least those of `databasesFor` each record. */
export async function examine(
  databases: Pick<Databases, "saga"> & Partial<Databases>,
  records: readonly DeadLetter[],
  now: number,
): Promise<readonly Examined[]> {
  const read = records.map((record) => ({ record, original: readOriginal(record) }));
  const perDatabase = async <Row>(
    whose: (record: DeadLetter) => DatabaseName | undefined,
    ask: (sql: Sql, ids: readonly string[]) => Promise<readonly Row[]>,
  ): Promise<Row[]> => {
    const answers = await Promise.all(
      DATABASES.map(async (name) => {
        const ids = read.flatMap(({ record, original: { message_id } }) =>
          message_id !== undefined && whose(record) === name ? [message_id] : [],
        );
        const sql = databases[name];
        if (ids.length === 0) return [];
        assert(sql !== undefined, "the databases of each dead letter are given");
        return ask(sql, ids);
      }),
    );
    return answers.flat();
  };
  const sagaIds = records.flatMap(({ saga_id }) => (saga_id === null ? [] : [saga_id]));
  const [handlings, kept, signs, sagas] = await Promise.all([
    handlingsOf(
      databases.saga,
      records.map(({ dead_letter_id }) => dead_letter_id),
    ),
    perDatabase(({ original }) => producerOf(original.topic), findInOutbox),
    // Only signs from now on: the question is whether it was handled or a retry is pending, not how it failed before.
    perDatabase(
      ({ service }) => consumerOf(service),
      async (sql, ids) => signsOf(sql, ids, await clockOf(sql)),
    ),
    findSagas(databases.saga, sagaIds),
  ]);
  const keptById = new Map(kept.map((sent) => [sent.message_id, sent]));
  const signById = new Map(signs.map(({ message_id, sign }) => [message_id, sign]));
  return read.map(({ record, original }) => ({
    record,
    original,
    facts: {
      handling: handlings.get(record.dead_letter_id),
      kept: keptById.get(original.message_id ?? ""),
      sign: signById.get(original.message_id ?? ""),
      saga: sagas.get(record.saga_id ?? ""),
      outboxSince: now - OUTBOX_RETENTION_MS,
    },
  }));
}
