// The committed offsets of a group, asked for without joining it. Used by group-progress.ts and topic-states.ts.
import type { TopicPartitionOffsetAndMetadata } from "@confluentinc/kafka-javascript";
import { AppError } from "../../kernel/errors.ts";
import { type Connection, openBatchConsumer } from "./consumer.ts";

export interface Place {
  readonly topic: string;
  readonly partition: number;
}

/** Throws AppError KAFKA_UNAVAILABLE, KAFKA_DENIED. */
export async function committedBy(
  connection: Connection,
  places: readonly Place[],
  options: { readonly doing: string; readonly timeoutMs: number },
): Promise<readonly TopicPartitionOffsetAndMetadata[]> {
  const { doing, timeoutMs } = options;
  try {
    return await connection.ask<TopicPartitionOffsetAndMetadata[]>(doing, (done) =>
      connection.client.committed([...places], timeoutMs, done),
    );
  } catch (error) {
    throw (await refusalOf(connection, doing)) ?? error;
  }
}

/** A coordinator that refuses to tell ends in a time-out here; its answer waits among the messages of the consumer. */
async function refusalOf(connection: Connection, doing: string): Promise<AppError | undefined> {
  if (!connection.client.isConnected()) return undefined;
  const native = openBatchConsumer(connection, []);
  try {
    const { error } = await native.poll(1, 0, 0);
    native.release(false);
    const refusal = error === null ? undefined : connection.failed(doing, error);
    return refusal?.code === "KAFKA_DENIED" ? refusal : undefined;
  } finally {
    native.close();
  }
}
