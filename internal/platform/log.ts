// Structured logs: one JSON line per event on stdout, written synchronously so that no line is lost when the process ends. The
// supervisor stores them. lifecycle.ts creates the logger and passes it on.
import pino, { type Logger } from "pino";
import { messageOf } from "../kernel/errors.ts";

export type { Logger } from "pino";

export interface LogOptions {
  readonly role: string;
  readonly version: string;
  readonly level: string;
  /** Target of the lines. Default: stdout; tests set their own. */
  readonly destination?: { write(line: string): void };
}

/** Fields with which a secret or card could get into a log line by accident, at the top and one level down. */
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
    // Not a transport: its worker thread does not work in a compiled binary, and buffering would lose the last lines.
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
 * An error with all its causes, each with type, code and message, and the stack of the innermost one. Only these fields are
 * logged: a database error also holds the statement's parameters, which are personal data.
 */
function describeErrorChain(error: unknown, depth = 0): LoggedError {
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

/** The stack. It starts with the message, which is replaced by `shown`. */
function stackOf({ message, stack = "" }: Error, shown: string): string {
  return message === "" ? stack : stack.replace(message, () => shown);
}
