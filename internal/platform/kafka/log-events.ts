// librdkafka's own words in the role's log: without them, a client that cannot reach a broker looks idle. A lost broker is
// told of many times a second, and logged once. Called by every role that opens a Kafka client.
import type { Clock } from "../../kernel/ports.ts";
import { sparingly } from "../log-throttle.ts";
import type { Log } from "../../kernel/telemetry.ts";
import type { KafkaEvent } from "./connection.ts";

/** Kinds are librdkafka's facilities and error names. */
export function logEvents(log: Pick<Log, "warn">, client: string, clock: Clock): (event: KafkaEvent) => void {
  const leftOutOf = sparingly(clock);
  return ({ level, name, message }) => {
    if (level !== "error" && level !== "warn") return;
    const leftOut = leftOutOf(name);
    // Never an error: the client goes on by itself after all of them, and what ends it comes as an error of its call.
    if (leftOut !== null) log.warn({ kafka_client: client, event: name, ...leftOut }, message);
  };
}
