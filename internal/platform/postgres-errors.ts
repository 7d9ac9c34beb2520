// Classifies database errors: wait, retry, or give up on these statements. One table for all callers, because it decides whether a
// batch is repeated, bisected or held back.
import postgres from "postgres";
import { AppError, type ErrorCode } from "../kernel/errors.ts";
import type { DatabaseFault } from "../messaging/database.ts";

/** Codes of the driver and the socket. SQLSTATEs come from the server. */
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
 * The server's certificate is not believed, or TLS failed: the names of Node, and those of OpenSSL for a chain that cannot be verified.
 */
const TLS_CODE =
  /^(ERR_(TLS|SSL)_|CERT_|UNABLE_TO_|(DEPTH_ZERO_)?SELF_SIGNED_CERT|HOSTNAME_MISMATCH|INVALID_CA|EPROTO)/;

/**
 * Only another connection helps. 25006: a standby refuses to write. 0A000 ("not supported"): a standby refuses `begin read
 * write`, or a primary refuses a prepared statement whose table has changed.
 */
const WRONG_SERVER_STATES = ["25006", "0A000"];

/** A right is missing. */
const PERMISSION_DENIED = "42501";

/**
 * SQLSTATE prefixes (a class of two characters, or a full code) of a server that cannot serve any statement now. Besides lost
 * connections: wrong password or database (28, 3D), out of connections, memory or disk (53, 58), shutdown and startup (57P),
 * statement and idle timeouts, the wrong server or connection (WRONG_SERVER_STATES), and a schema that does not match this binary
 * (undefined table, column or function, missing privilege). The schema errors are here because a binary deployed before its
 * migration must wait for it. Blamed on the message, they would dead-letter a whole topic.
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
  PERMISSION_DENIED,
];

/** Serialization failure, deadlock, and a unique key that two transactions inserted. */
const CONFLICT_STATES: ReadonlySet<string> = new Set(["40001", "40P01", "23505"]);

/** `lock_timeout` has expired. */
const LOCK_NOT_AVAILABLE = "55P03";

/** `current transaction is aborted`: the error of every statement after the failed one. */
const TRANSACTION_ABORTED = "25P02";

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

/** An error that did not come from the database is `other`: a retry would fail again. */
export function databaseFault(error: unknown): DatabaseFault {
  if (error instanceof AppError) return FAULT_OF_APP_ERROR[error.code] ?? "other";
  const code = codeOf(error);
  if (code === undefined) return "other";
  if (CONFLICT_STATES.has(code)) return "conflict";
  if (code === LOCK_NOT_AVAILABLE) return "locked";
  if (isConnectionCode(code)) return "unavailable";
  if (isSqlState(code) && UNAVAILABLE_STATES.some((prefix) => code.startsWith(prefix))) return "unavailable";
  return "other";
}

/** Wraps an error of the driver. An error that does not come from the database passes unchanged. `url`: of the connection. */
export function asDatabaseError(error: unknown, doing: string, url: string): unknown {
  if (!isDatabaseError(error)) return error;
  const message = isPermissionDenied(error) ? `${doing} failed: ${permissionHint(url)}` : `${doing} failed`;
  return new AppError(APP_ERROR_OF_FAULT[databaseFault(error)], message, { cause: error });
}

export function isPermissionDenied(error: unknown): boolean {
  return codeOf(error) === PERMISSION_DENIED;
}

/** The way out of a right that the user of this URL lacks. The server's own words name neither user nor database. */
export function permissionHint(url: string): string {
  // Not by `URL`, because several hosts may be in it.
  const [, user, database] = /^\w+:\/\/(?:([^:@/?]+)(?::[^@/]*)?@)?[^/?]*(?:\/([^?]*))?/.exec(url) ?? [];
  const who = user === undefined ? "this user of the database" : decodeURIComponent(user);
  const where =
    database === undefined || database === "" ? "" : ` in the database ${decodeURIComponent(database)}`;
  return `${who} may not do this${where}; \`checkoutctl grants check\` finds missing rights, \`grants apply\` gives them`;
}

/** Whether the connection with this error is unusable although it is open. */
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
  // By class, not by name: the driver takes the name from the class, and minification renames it.
  return error instanceof postgres.PostgresError || (code !== undefined && isConnectionCode(code));
}

function isConnectionCode(code: string): boolean {
  return CONNECTION_CODES.has(code) || TLS_CODE.test(code);
}

function isSqlState(code: string): boolean {
  return /^[0-9A-Z]{5}$/.test(code);
}

function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || error instanceof AppError || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}
