// Shared by consumer, producer and admin client: settings, events, errors.

import { AppError, type ErrorCode } from "../../kernel/errors.ts";
import { accessHint } from "./refusal.ts";
import { type KafkaSecurity, type KafkaSecuritySettings, securityOf } from "./security.ts";

export interface KafkaOptions {
  /** `host:port`, several separated by commas. */
  readonly brokers: string;
  /** The role's name. Shown in the broker's logs and quotas. */
  readonly clientId: string;
  /** How long opening may take before it fails with KAFKA_UNAVAILABLE. */
  readonly connectTimeoutMs?: number;
  /** More librdkafka settings. They override ours. */
  readonly settings?: Settings;
  /** Encryption, and who this client is. Without it: open connections, and no name. */
  readonly security?: KafkaSecurity;
  /** Receives librdkafka's log and errors. Without it they are dropped. */
  readonly onEvent?: (event: KafkaEvent) => void;
}

/** Where Kafka is and how to reach it: `kafkaConfig` of config.ts. */
export interface KafkaSettings extends KafkaSecuritySettings {
  readonly KAFKA_BROKERS: string;
}

/** The settings for every Kafka client of a role, and of checkoutctl. */
export function kafkaOptions(
  config: KafkaSettings,
  clientId: string,
): Required<Pick<KafkaOptions, "brokers" | "clientId" | "security">> {
  return { brokers: config.KAFKA_BROKERS, clientId, security: securityOf(config) };
}

export type Settings = Readonly<Record<string, string | number | boolean>>;

export interface KafkaEvent {
  readonly level: "error" | "warn" | "info" | "debug";
  /** librdkafka's facility or error code, for example `FAIL` or `_ALL_BROKERS_DOWN`. */
  readonly name: string;
  readonly message: string;
}

export const DEFAULT_CONNECT_TIMEOUT_MS = 10_000;

export function commonSettings(options: KafkaOptions): Record<string, string | number | boolean> {
  return {
    "bootstrap.servers": options.brokers,
    "client.id": options.clientId,
    // A restarted broker is used again within 1 s; by default the pause grows to 10 s.
    "reconnect.backoff.max.ms": 1_000,
    "socket.keepalive.enable": true,
    // Topics created at run time are seen within 30 s instead of 5 min.
    "topic.metadata.refresh.interval.ms": 30_000,
    // Kafka's client telemetry. Our own metrics show more and cost less.
    "enable.metrics.push": false,
    ...options.security?.settings,
    ...options.settings,
  };
}

/** `level` is the syslog level that librdkafka uses. */
export function toEvent(level: number, name: string, message: string): KafkaEvent {
  if (level <= 3) return { level: "error", name, message };
  if (level === 4) return { level: "warn", name, message };
  return { level: level <= 6 ? "info" : "debug", name, message };
}

/** A failure from librdkafka. The package gives the code as a number, our native code as a name. */
export interface KafkaFailure {
  readonly code: number | string;
  readonly message: string;
}

/** Codes of librdkafka, by name and by number. */
type Codes = ReadonlySet<number | string>;

/** Failures that a retry cannot fix. */
const FATAL: Codes = new Set(["_FATAL", "_FENCED", "FENCED_INSTANCE_ID", -150, -144, 82]);

/** The broker does not let this client do this, by its access lists. */
const UNAUTHORIZED: Codes = new Set([
  "TOPIC_AUTHORIZATION_FAILED",
  "GROUP_AUTHORIZATION_FAILED",
  "CLUSTER_AUTHORIZATION_FAILED",
  29,
  30,
  31,
]);
/** The broker does not know this client, or does not let it do this. */
const DENIED: Codes = new Set([...UNAUTHORIZED, "_AUTHENTICATION", "SASL_AUTHENTICATION_FAILED", -169, 58]);

const TOPIC_MISSING: Codes = new Set([
  "UNKNOWN_TOPIC_OR_PART",
  "_UNKNOWN_TOPIC",
  "_UNKNOWN_PARTITION",
  3,
  -188,
  -190,
]);

/** What one client asks and how it fails. `account` is who it is, which its errors say; null if it does not say so. */
export function callsOf(account: string | null) {
  return {
    account,
    /** Converts a failure of librdkafka into an AppError. `doing` describes the failed action. */
    failed: (doing: string, failure: KafkaFailure) => kafkaError(doing, failure, account),
    /** Turns a callback-style call of the package into a promise. */
    ask: <T>(doing: string, start: (done: Done<T>) => unknown): Promise<T> =>
      new Promise((resolve, reject) => {
        start((failure, result) => (failure ? reject(kafkaError(doing, failure, account)) : resolve(result)));
      }),
  };
}

export type Calls = ReturnType<typeof callsOf>;

type Done<T> = (failure: KafkaFailure | null | undefined, result: T) => void;

function kafkaError(doing: string, failure: KafkaFailure, account: string | null): AppError {
  const code = errorCode(failure.code);
  if (!UNAUTHORIZED.has(failure.code))
    return new AppError(code, `${doing}: ${failure.message}`, { cause: failure });
  // Kafka 4.4 answers a change of access lists with its own objects as text.
  const message = failure.message.startsWith("Request ")
    ? "Broker: Cluster authorization failed"
    : failure.message;
  return new AppError(code, `${doing}: ${message}: ${accessHint(account)}`, { cause: failure });
}

function errorCode(code: number | string): ErrorCode {
  if (FATAL.has(code)) return "KAFKA_FATAL";
  if (DENIED.has(code)) return "KAFKA_DENIED";
  return TOPIC_MISSING.has(code) ? "KAFKA_TOPIC_MISSING" : "KAFKA_UNAVAILABLE";
}

const ASK_AGAIN_MS = 50;

/**
 * Repeats a query that a broker cannot answer now, because a partition's leader or a group's coordinator has just moved or is
 * loading. Only for queries without side effects. Throws the last error after `timeoutMs`, and an error that a retry cannot fix at
 * once.
 */
export async function untilAnswered<T>(timeoutMs: number, ask: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      const mayHeal = error instanceof AppError && error.code === "KAFKA_UNAVAILABLE";
      if (!mayHeal || performance.now() > deadline) throw error;
    }
    await Bun.sleep(ASK_AGAIN_MS);
  }
}
