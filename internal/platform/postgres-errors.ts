// What a database error means for the one who sees it: wait, try again, or give up on these statements. One table, because
// whether a batch is repeated, split or held back hangs on it.
import postgres from "postgres";
import { AppError, type ErrorCode } from "../kernel/errors.ts";
import type { DatabaseFault } from "../messaging/database.ts";

/** The driver's and the socket's own codes; SQLSTATEs are the server's. */
const CONNECTION_CODES: ReadonlySet<string> = new Set([
  "CONNECTION_CLOSED",
  "CONNECTION_ENDED",
  "CONNECTION_DESTROYED",
  "CONNECT_TIMEOUT",
  "ECONNREFUSED",
  "ECONNRESET",
  "ECONNABORTED",
  "EPIPE",
  "ETIMEDOUT",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOTFOUND",
  "EAI_AGAIN",
  "ENOENT",
  "EACCES",
]);

/**
 * Cured by another connection only. 25006: a standby refuses to write. 0A000: it refuses `begin read write` (so it says of
 * itself "not supported"), and a primary says the same of a prepared statement whose table has changed since.
 */
const WRONG_SERVER_STATES = ["25006", "0A000"];

/**
 * SQLSTATE prefixes (a class of two characters, or one whole code) of a server that cannot serve now, whatever the statement.
 * Besides lost connections: wrong password or database (28, 3D), out of connections, memory or disk (53, 58), shutdown and
 * start-up (57P), statement and idle timeouts, a server or a connection that cannot do this (WRONG_SERVER_STATES), and a schema
 * that is not the one this binary was made for (undefined table, column or function, missing privilege). The last belong here
 * because a binary deployed before its migration must wait for it; read as the message's fault they would send a whole topic to
 * the dead letters.
 */
const UNAVAILABLE_STATES = [
  "08",
  "28",
  "3D",
  "53",
  "58",
  "57P",
  "57014",
  "25P03",
  ...WRONG_SERVER_STATES,
  "42P01",
  "42703",
  "42883",
  "42501",
];

/** Serialization failure, deadlock, and a unique key that two transactions wanted. */
const CONFLICT_STATES: ReadonlySet<string> = new Set(["40001", "40P01", "23505"]);

/** `lock_timeout` has passed. */
const LOCK_NOT_AVAILABLE = "55P03";

/** `current transaction is aborted`: every statement after the one that really failed says this. */
export const TRANSACTION_ABORTED = "25P02";

const FAULT_OF_APP_ERROR: Partial<Record<ErrorCode, DatabaseFault>> = {
  DATABASE_UNAVAILABLE: "unavailable",
  DATABASE_CONFLICT: "conflict",
  DATABASE_LOCKED: "locked",
};

const APP_ERROR_OF_FAULT: Record<DatabaseFault, ErrorCode> = {
  unavailable: "DATABASE_UNAVAILABLE",
  conflict: "DATABASE_CONFLICT",
  locked: "DATABASE_LOCKED",
  other: "DATABASE_REFUSED",
};

/** Anything that did not come from the database is `other`: doing it again would fail again. */
export function databaseFault(error: unknown): DatabaseFault {
  if (error instanceof AppError) return FAULT_OF_APP_ERROR[error.code] ?? "other";
  const code = codeOf(error);
  if (code === undefined) return "other";
  if (CONFLICT_STATES.has(code)) return "conflict";
  if (code === LOCK_NOT_AVAILABLE) return "locked";
  if (CONNECTION_CODES.has(code)) return "unavailable";
  if (isSqlState(code) && UNAVAILABLE_STATES.some((prefix) => code.startsWith(prefix))) return "unavailable";
  return "other";
}

/** Wraps what the driver threw; an error that is not the database's passes unchanged. */
export function asDatabaseError(error: unknown, doing: string): unknown {
  if (!isDatabaseError(error)) return error;
  return new AppError(APP_ERROR_OF_FAULT[databaseFault(error)], `${doing} failed`, { cause: error });
}

/** Whether the connection that said so is of no use any more, although it lives. */
export function needsAnotherConnection(error: unknown): boolean {
  return WRONG_SERVER_STATES.includes(codeOf(error) ?? "");
}

export function isLockTimeout(error: unknown): boolean {
  return codeOf(error) === LOCK_NOT_AVAILABLE;
}

export function isTransactionAborted(error: unknown): boolean {
  return codeOf(error) === TRANSACTION_ABORTED;
}

function isDatabaseError(error: unknown): boolean {
  const code = codeOf(error);
  // By class, not by name: the driver takes the name from the class, which a minified binary has renamed.
  return error instanceof postgres.PostgresError || (code !== undefined && CONNECTION_CODES.has(code));
}

function isSqlState(code: string): boolean {
  return /^[0-9A-Z]{5}$/.test(code);
}

function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || error instanceof AppError || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}
