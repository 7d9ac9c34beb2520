// librdkafka's own words in the role's log: without them, a client that cannot reach a broker looks idle. A lost broker is
// told of many times a second, so of each kind one a second is logged, saying how many were left out. Called by every role
// that opens a Kafka client.
import type { Clock } from "../../kernel/ports.ts";
import type { Log } from "../log.ts";
import type { KafkaEvent } from "./connection.ts";

const INTERVAL_MS = 1_000;

interface Kind {
  /** Epoch ms. */
  loggedAt: number;
  leftOut: number;
}

/** Kinds are librdkafka's facilities and error names: a closed list, so the memory is bounded. */
export function logEvents(log: Pick<Log, "warn">, client: string, clock: Clock): (event: KafkaEvent) => void {
  const kinds = new Map<string, Kind>();
  return ({ level, name, message }) => {
    if (level !== "error" && level !== "warn") return;
    const kind = kinds.get(name) ?? { loggedAt: -Infinity, leftOut: 0 };
    kinds.set(name, kind);
    const now = clock.now();
    // A clock that was set back must not silence the log until it has caught up.
    if (now >= kind.loggedAt && now - kind.loggedAt < INTERVAL_MS) {
      kind.leftOut += 1;
      return;
    }
    const leftOut = kind.leftOut === 0 ? {} : { alike_left_out: kind.leftOut };
    kinds.set(name, { loggedAt: now, leftOut: 0 });
    // Never an error: the client goes on by itself after all of them, and what ends it comes as an error of its call.
    log.warn({ kafka_client: client, event: name, ...leftOut }, message);
  };
}
