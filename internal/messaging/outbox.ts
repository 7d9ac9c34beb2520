// The outbox table: messages written in the transaction of the change they tell of, until the relay has them in Kafka.
// `outboxStatements` is for everyone who changes something (recipe, saga intake, sweepers, payment executor).
import type { Tx } from "./database.ts";
import type { Envelope } from "./envelope.ts";

/** NOTIFY on this channel wakes the relays of the database. */
export const OUTBOX_CHANNEL = "outbox";

/**
 * The statements that append `envelopes` and wake the relay; none for none. Hand them to `Transaction.finish` beside the
 * change itself. One NOTIFY per transaction whatever its size: Postgres runs all commits that notify one after the other.
 */
export function outboxStatements(tx: Tx, envelopes: readonly Envelope[]): readonly PromiseLike<unknown>[] {
  return envelopes.length === 0 ? [] : [insertEvents(tx, envelopes), notifyRelay(tx)];
}

function insertEvents(tx: Tx, envelopes: readonly Envelope[]): PromiseLike<unknown> {
  const rows = envelopes.map(({ topic, message }) => ({
    event_id: message.message_id,
    topic,
    partition_key: message.saga_id,
    type: message.type,
    payload: message,
  }));
  return tx`
    insert into outbox (event_id, topic, partition_key, payload, headers)
    select event_id, topic, partition_key, payload, jsonb_build_object('type', type)
      from json_to_recordset(${JSON.stringify(rows)}::text::json)
        as event (event_id uuid, topic text, partition_key text, type text, payload jsonb)`;
}

function notifyRelay(tx: Tx): PromiseLike<unknown> {
  return tx`select pg_notify(${OUTBOX_CHANNEL}, '')`;
}
