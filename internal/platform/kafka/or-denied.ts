// The readiness check of a client that Kafka refuses something. Used by every role with a Kafka client.

/** For readiness: `reason` is what Kafka refuses, or null. */
export async function orDenied(reason: string | null): Promise<void> {
  if (reason !== null) throw new Error(reason);
}
