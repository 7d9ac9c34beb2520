// Collects the state of the whole system for `checkoutctl top` and the operators' console: sagas, outboxes, money, mails, topics, dead
// letters, roles. Each part is asked by itself and has a time limit, so a server that does not answer takes only its own part away.
import type { Sql } from "postgres";
import type { Clock } from "../kernel/ports.ts";
import { AppError, describeError } from "../kernel/errors.ts";
import { DATABASES, type MigratedDatabase } from "../../schemas/migrations.ts";
import type { OpenDeadLetterCount, Overview, Part, TopicState } from "../../schemas/overview.ts";
import { moneyAtRisk, outboxDepth, sagaFlow, waitingMails } from "./overview-store.ts";
import { askRole, type RoleAddress } from "./role-state.ts";

export interface OverviewSources {
  /** An open connection, each time the same. May throw, for example while its address is not set: the reason is shown. */
  readonly database: (name: MigratedDatabase) => Promise<Sql>;
  readonly topics: () => Promise<readonly TopicState[]>;
  /** Those that no operator has handled yet. */
  readonly deadLetters: () => Promise<readonly OpenDeadLetterCount[]>;
  /** The operators' address (OPS_PORT) of each process. */
  readonly roles: readonly RoleAddress[];
  readonly clock: Clock;
  /** For each part. Default: 3,000 ms. */
  readonly timeoutMs?: number;
}

const TIMEOUT_MS = 3_000;

/** Never throws. `before` is the last result: from there each unknown part knows since when. */
export async function collectOverview(sources: OverviewSources, before?: Overview): Promise<Overview> {
  const { clock, timeoutMs = TIMEOUT_MS } = sources;
  const part = <T>(ask: () => Promise<T>, earlier: Part<T> | undefined) =>
    partOf(ask, earlier, { clock, timeoutMs });
  const of = <T>(name: MigratedDatabase, read: (sql: Sql) => Promise<T>) => {
    return async () => read(await sources.database(name));
  };
  const [sagas, money, mails, topics, dead_letters, outboxes, roles] = await Promise.all([
    part(of("saga", sagaFlow), before?.sagas),
    part(of("payment", moneyAtRisk), before?.money),
    part(of("notification", waitingMails), before?.mails),
    part(async () => [...(await sources.topics())], before?.topics),
    part(async () => [...(await sources.deadLetters())], before?.dead_letters),
    Promise.all(
      DATABASES.map(async (database) => {
        const earlier = before?.outboxes.find((one) => one.database === database)?.depth;
        return { database, depth: await part(of(database, outboxDepth), earlier) };
      }),
    ),
    Promise.all(
      sources.roles.map(async ({ name, address }) => {
        const earlier = before?.roles.find((one) => one.name === name && one.address === address)?.state;
        return { name, address, state: await part(() => askRole(address, timeoutMs), earlier) };
      }),
    ),
  ]);
  return { at: clock.now(), sagas, outboxes, money, mails, topics, dead_letters, roles };
}

/** What `ask` returns, or since when and why it does not answer. */
async function partOf<T>(
  ask: () => Promise<T>,
  before: Part<T> | undefined,
  { clock, timeoutMs }: { readonly clock: Clock; readonly timeoutMs: number },
): Promise<Part<T>> {
  try {
    const value = await within(timeoutMs, ask);
    return { at: clock.now(), value };
  } catch (error) {
    const unknown_since =
      before !== undefined && "unknown_since" in before ? before.unknown_since : clock.now();
    return { unknown_since, why: describeError(error) };
  }
}

/** Throws SERVICE_UNAVAILABLE after `timeoutMs`; what comes later is dropped. */
export async function within<T>(timeoutMs: number, work: () => Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => late.reject(new AppError("SERVICE_UNAVAILABLE", `no answer within ${timeoutMs} ms`)),
    timeoutMs,
  );
  try {
    return await Promise.race([work(), late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
