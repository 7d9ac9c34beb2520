// The three kinds of error. A refusal (out of stock, card declined) is an event and never thrown. An operating error is an
// AppError with a code from this closed list. A programmer error is a failed `assert` and crashes the process.

/** All operating errors, and whether a later retry can help. */
const ERROR_CODES = {
  CONFIG_INVALID: { canRetry: false },
  DATABASE_UNAVAILABLE: { canRetry: true },
  DATABASE_CONFLICT: { canRetry: true },
  DATABASE_LOCKED: { canRetry: true },
  DATABASE_REFUSED: { canRetry: false },
  MIGRATION_FAILED: { canRetry: false },
  REDIS_UNAVAILABLE: { canRetry: true },
  KAFKA_UNAVAILABLE: { canRetry: true },
  KAFKA_TOPIC_MISSING: { canRetry: true },
  /** Kafka does not know this client, or does not let it do this; an operator can change that while the role waits. */
  KAFKA_DENIED: { canRetry: true },
  /** Expired, not valid yet, or of another key: the role waits until somebody renews it. */
  CERTIFICATE_UNUSABLE: { canRetry: true },
  KAFKA_FATAL: { canRetry: false },
  MESSAGE_INVALID: { canRetry: false },
  PROVIDER_UNAVAILABLE: { canRetry: true },
  PROVIDER_REJECTED: { canRetry: false },
  SERVICE_UNAVAILABLE: { canRetry: true },
  NATIVE_BUILD_FAILED: { canRetry: false },
  STACK_FAILED: { canRetry: false },
  SEAL_INVALID: { canRetry: false },
  SEAL_KEY_UNKNOWN: { canRetry: true },
} as const;

export type ErrorCode = keyof typeof ERROR_CODES;

/** An operating error: something outside refused or is unavailable. `message` names it and says what to do. */
export class AppError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.name = "AppError";
    this.code = code;
  }

  get canRetry(): boolean {
    return ERROR_CODES[this.code].canRetry;
  }
}

/** A programmer error: the process is in a state that should be impossible and must not continue. */
export class AssertionError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "AssertionError";
  }
}

export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new AssertionError(message);
}

/** Ends a switch over a union: the compiler rejects it while a member is unhandled. */
export function assertNever(value: never): never {
  throw new AssertionError(`unexpected value ${JSON.stringify(value)}`);
}

/** The message of anything thrown, with its causes, as one line. A cause that is not an Error is left out: it is data for programs. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause instanceof Error ? `: ${describeError(error.cause)}` : "";
  return `${messageOf(error)}${cause}`;
}

/** SQLSTATE class 22, "data exception". Only these messages quote the value that did not fit, which may be personal data. */
const DATA_EXCEPTION = /^22[0-9A-Z]{3}$/;

/** An error's message without the values that a database quotes. Names of tables and constraints in other messages stay. */
export function messageOf(error: Error): string {
  const isQuoting = "code" in error && typeof error.code === "string" && DATA_EXCEPTION.test(error.code);
  return isQuoting ? error.message.replace(/".*"/su, '"..."') : error.message;
}
