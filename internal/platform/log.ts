// Structured logs: one JSON line per event on stdout, written at once so that nothing is lost when the process ends. The
// supervisor keeps them. Called by lifecycle.ts; everyone else is handed the logger.
import pino, { type Logger } from "pino";
import { messageOf } from "../kernel/errors.ts";

export type { Logger } from "pino";

export interface LogOptions {
  readonly role: string;
  readonly version: string;
  readonly level: string;
  /** Where the lines go; stdout unless a test looks at them. */
  readonly destination?: { write(line: string): void };
}

/** Names under which a secret or a card could reach a log line by accident, at the top and one level down. */
const SECRET_NAMES = [
  "authorization",
  "cookie",
  "password",
  "secret",
  "token",
  "payment_method",
  "client_secret",
];

export function createLogger(options: LogOptions): Logger {
  return pino(
    {
      level: options.level,
      base: { role: options.role, version: options.version },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: describeErrorChain },
      redact: { paths: SECRET_NAMES.flatMap((name) => [name, `*.${name}`]), censor: "[redacted]" },
    },
    // Not a transport: its worker thread does not survive compilation, and buffering would lose the last words.
    options.destination ?? pino.destination({ dest: 1, sync: true }),
  );
}

export interface LoggedError {
  readonly type: string;
  readonly message: string;
  readonly code?: string;
  readonly stack?: string;
  readonly cause?: LoggedError;
}

const MAX_CAUSES = 8;

/**
 * An error with all its causes, each with type, code and message; the stack of the innermost, where it began. Only these fields
 * are taken: a database error also carries the statement's parameters, which are people's data.
 */
export function describeErrorChain(error: unknown, depth = 0): LoggedError {
  if (!(error instanceof Error)) return { type: typeof error, message: String(error) };
  const code: unknown = "code" in error ? error.code : undefined;
  const isInnermost = error.cause === undefined || depth === MAX_CAUSES;
  return {
    type: error.name,
    message: messageOf(error),
    ...(typeof code === "string" ? { code } : {}),
    ...(isInnermost
      ? { stack: stackOf(error, messageOf(error)) }
      : { cause: describeErrorChain(error.cause, depth + 1) }),
  };
}

/** It begins with the message. */
function stackOf({ message, stack = "" }: Error, shown: string): string {
  return message === "" ? stack : stack.replace(message, () => shown);
}
