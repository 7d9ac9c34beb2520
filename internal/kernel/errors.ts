// The three kinds of error. A refusal (out of stock, card declined) is an event and never thrown; an operating error is
// an AppError with a code from this closed list; a programmer error is a failed `assert` and crashes the process.

/** Every operating error there is, and whether trying the same thing again later can help. */
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

/** An operating error: something outside refused or is away. `message` names the thing and the way out. */
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

/** A programmer error: the process is in a state its author thought impossible and must not go on. */
export class AssertionError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "AssertionError";
  }
}

export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new AssertionError(message);
}

/** Closes a switch over a union: the compiler refuses it while a member is unhandled. */
export function assertNever(value: never): never {
  throw new AssertionError(`unexpected value ${JSON.stringify(value)}`);
}

/** The sentence of anything thrown, causes included, for a line of text. A cause that is no error is for programs. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause instanceof Error ? `: ${describeError(error.cause)}` : "";
  return `${messageOf(error)}${cause}`;
}

/** SQLSTATE class 22, "data exception": the only ones whose message quotes the value that did not fit, which may be anybody's. */
const DATA_EXCEPTION = /^22[0-9A-Z]{3}$/;

/** What an error says, without the values that a database quotes. Names of tables and constraints, in other messages, stay. */
export function messageOf(error: Error): string {
  const isQuoting = "code" in error && typeof error.code === "string" && DATA_EXCEPTION.test(error.code);
  return isQuoting ? error.message.replace(/".*"/su, '"..."') : error.message;
}
