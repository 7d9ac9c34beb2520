// Describes the sessions that block one of our transactions, for the log, so that an operator can end them. Called by
// postgres-transaction.ts on a pool connection while the transaction still waits.
import type { Sql } from "postgres";
import { describeError } from "../kernel/errors.ts";

/** How many links of a chain of waiting sessions are followed to the session that blocks all of them. */
const MAX_LINKS = 4;
const MAX_NAMED = 3;

interface Blocker {
  readonly pid: number;
  /** Null if the session has ended in the meantime, or is a prepared transaction (pid 0). */
  readonly application_name: string | null;
  readonly usename: string | null;
  /** Also null if our database role may not see other sessions (it lacks pg_read_all_stats). */
  readonly state: string | null;
  readonly transaction_seconds: number | null;
  readonly statement_seconds: number | null;
  /** The table of the lock. */
  readonly table: string | null;
}

/** For example "a row of inventory that pid 4711 holds (psql, ...)". Never rejects. */
export async function whoBlocks(sql: Sql, waitingPid: number): Promise<string> {
  try {
    const blockers = await findBlockers(sql, waitingPid);
    const [first] = blockers;
    if (first === undefined) return "a lock that was already free when its holder was looked up";
    const what = first.table === null ? "a row" : `a row of ${first.table}`;
    return `${what} that ${blockers.map(nameOf).join(" and ")}`;
  } catch (error) {
    return `a lock with an unknown holder; the look-up failed: ${describeError(error)}`;
  }
}

function nameOf({ pid, application_name, usename, state, ...age }: Blocker): string {
  const { transaction_seconds, statement_seconds } = age;
  const facts = [
    application_name === null || application_name === "" ? "no application_name" : application_name,
    ...(usename === null ? [] : [`user ${usename}`]),
    ...(state === null ? ["state hidden from our database role"] : [state]),
    ...(transaction_seconds === null ? [] : [`transaction open for ${seconds(transaction_seconds)}`]),
    ...(statement_seconds === null ? [] : [`last statement started ${seconds(statement_seconds)} ago`]),
  ];
  return `pid ${pid} holds (${facts.join(", ")})`;
}

const seconds = (value: number): string => `${Math.max(0, value).toFixed(1)} s`;

function findBlockers(sql: Sql, waitingPid: number): PromiseLike<Blocker[]> {
  return sql<Blocker[]>`
    with recursive chain as (
      select ${waitingPid}::integer as pid, 0 as links
       union
      select blocker, links + 1 from chain cross join lateral unnest(pg_blocking_pids(chain.pid)) as blocker
       where links < ${MAX_LINKS})
    select chain.pid, a.application_name, a.usename, a.state,
           extract(epoch from clock_timestamp() - a.xact_start)::float8 as transaction_seconds,
           extract(epoch from clock_timestamp() - a.query_start)::float8 as statement_seconds,
           (select min(relation::regclass::text) from pg_locks
             where pid = ${waitingPid}::integer and relation is not null and (locktype = 'tuple' or not granted)) as "table"
      from (select distinct pid from chain where links > 0) chain
      left join pg_stat_activity a on a.pid = chain.pid
     where cardinality(pg_blocking_pids(chain.pid)) = 0
     order by transaction_seconds desc nulls last
     limit ${MAX_NAMED}`;
}
