// Asks several databases, some of which may not answer. A database that is away is named; it is never taken for one without
// rows. Called by saga-search.ts, find-anything.ts and saga-story.ts.
import type { Sql } from "postgres";
import type { DatabaseName } from "../../schemas/migrations.ts";
import { AppError, describeError } from "../kernel/errors.ts";

/** Gives the connection when it is needed. May throw or reject: that, too, is a database that does not answer. */
export type OpenDatabases = Readonly<Record<DatabaseName, () => Sql | Promise<Sql>>>;

/** Databases whose pools are open already, as a role has them. */
export function alreadyOpen(databases: Readonly<Record<DatabaseName, Sql>>): OpenDatabases {
  return {
    saga: () => databases.saga,
    inventory: () => databases.inventory,
    payment: () => databases.payment,
    order: () => databases.order,
  };
}

/** A place that was not looked at, and why. */
export interface Missing {
  readonly database: string;
  readonly reason: string;
}

/** The answer, or who did not give one. */
export type Reached<Answer> = { readonly answer: Answer } | { readonly missing: Missing };

export async function reach<Answer>(
  databases: OpenDatabases,
  database: DatabaseName,
  ask: (sql: Sql) => Promise<Answer>,
): Promise<Reached<Answer>> {
  return reached(database, async () => ask(await databases[database]()));
}

/** Throws what is a bug of this program, not a failure of a server. */
export async function reached<Answer>(place: string, ask: () => Promise<Answer>): Promise<Reached<Answer>> {
  try {
    return { answer: await ask() };
  } catch (error) {
    if (isBug(error)) throw error;
    return { missing: { database: place, reason: describeError(error) } };
  }
}

/** Who did not answer, each once. */
export function missingOf(answers: readonly Reached<unknown>[]): readonly Missing[] {
  return eachOnce(answers.flatMap((one) => ("missing" in one ? [one.missing] : [])));
}

export function eachOnce(missing: readonly Missing[]): readonly Missing[] {
  return [...new Map(missing.map((one) => [one.database, one])).values()];
}

/** SQLSTATE classes: data exceptions, and errors in the statement. The table of a newer version (42P01) is missing until `migrate`. */
const OWN_FAULT = /^(?:22|42(?!P01))[0-9A-Z]{3}$/;

/** Whether it is a fault of this program, and not a server that does not answer. */
export function isBug(error: unknown): boolean {
  if (!(error instanceof Error)) return true;
  if (error instanceof AppError) return false;
  return !("code" in error) || typeof error.code !== "string" || OWN_FAULT.test(error.code);
}
