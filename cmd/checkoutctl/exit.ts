// Exit codes of checkoutctl. Scripts branch on them, so a code never changes its meaning.
import { CommanderError } from "commander";
import { AppError, describeError, type ErrorCode } from "../../internal/kernel/errors.ts";
import { isPermissionDenied } from "../../internal/platform/postgres-errors.ts";

export const EXIT = {
  ok: 0,
  /** A bug in this program, which stderr describes. */
  internal: 1,
  /** `doctor` found a problem, or could check nothing. */
  problem: 1,
  /** The command line is wrong. */
  usage: 2,
  /** Refused by a service, or the audit found violations. */
  refused: 3,
  /** A server that the command needs does not answer. */
  unreachable: 4,
  /** A setting is missing or malformed (EX_CONFIG of sysexits, the same as in every role). */
  config: 78,
  /** Ctrl-C: work in flight was finished, the rest was not started. */
  interrupted: 130,
} as const;

const UNREACHABLE: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "DATABASE_UNAVAILABLE",
  "REDIS_UNAVAILABLE",
  "KAFKA_UNAVAILABLE",
  "KAFKA_TOPIC_MISSING",
  "PROVIDER_UNAVAILABLE",
  "SERVICE_UNAVAILABLE",
]);

/** Ends the process when stdout is written: connections to servers that do not answer could hold it for many seconds. */
export async function exitNow(code: number): Promise<never> {
  await new Promise((resolve) => process.stdout.write("", resolve));
  process.exit(code);
}

export function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  if (isDenied(error)) return EXIT.refused;
  if (!(error instanceof AppError)) return EXIT.internal;
  if (error.code === "CONFIG_INVALID") return EXIT.config;
  return UNREACHABLE.has(error.code) ? EXIT.unreachable : EXIT.refused;
}

/** What stderr says. If the database refuses a right, the message also says which user to connect as. */
export function sayingOf(error: unknown): string {
  const way = isDenied(error)
    ? "; commands that rebuild, erase or settle run as X_migrator, others as X_console: `checkoutctl grants check` finds missing rights"
    : "";
  return `${describeError(error)}${way}`;
}

function isDenied(error: unknown): boolean {
  return isPermissionDenied(error) || (error instanceof AppError && isPermissionDenied(error.cause));
}
