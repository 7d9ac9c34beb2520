// Writes librdkafka's events to the role's log: without them, a client that cannot reach a broker looks idle. Throttled, because a
// lost broker causes many events a second. Called by every role that opens a Kafka client.
import type { Clock } from "../../kernel/ports.ts";
import { throttle } from "../log-throttle.ts";
import type { Log } from "../../kernel/telemetry.ts";
import type { KafkaEvent } from "./connection.ts";

/** Kinds are librdkafka's facilities and error names. */
export function logEvents(log: Pick<Log, "warn">, client: string, clock: Clock): (event: KafkaEvent) => void {
  const leftOutOf = throttle(clock);
  return ({ level, name, message }) => {
    if (level !== "error" && level !== "warn") return;
    const leftOut = leftOutOf(name);
    // Never logged as an error: the client recovers by itself, and a fatal fault comes as an error of its call.
    if (leftOut !== null) log.warn({ kafka_client: client, event: name, ...leftOut }, message);
  };
}
