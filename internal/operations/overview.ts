// Collects the state of the whole system for `checkoutctl top` and the operators' console: sagas, outboxes, money, mails, topics, dead
// letters, roles. Each part is asked by itself and has a time limit, so a server that does not answer takes only its own part away.
import type { Sql } from "postgres";
import type { Clock } from "../kernel/ports.ts";
import { DATABASES, type MigratedDatabase } from "../../schemas/migrations.ts";
import type { OpenDeadLetterCount, Overview, Part, TopicState } from "../../schemas/overview.ts";
import { ask } from "./ask.ts";
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
  const part = asking(sources);
  const of = <T>(name: MigratedDatabase, read: (sql: Sql) => Promise<T>) => {
    return async () => read(await sources.database(name));
  };
  const [sagas, money, mails, dead_letters, outboxes, { topics, roles }] = await Promise.all([
    part(of("saga", sagaFlow), before?.sagas),
    part(of("payment", moneyAtRisk), before?.money),
    part(of("notification", waitingMails), before?.mails),
    part(async () => [...(await sources.deadLetters())], before?.dead_letters),
    Promise.all(
      DATABASES.map(async (database) => {
        const earlier = before?.outboxes.find((one) => one.database === database)?.depth;
        return { database, depth: await part(of(database, outboxDepth), earlier) };
      }),
    ),
    collectTopicsAndRoles(sources, before),
  ]);
  return { at: sources.clock.now(), sagas, outboxes, money, mails, topics, dead_letters, roles };
}

export type TopicsAndRoles = Pick<Overview, "topics" | "roles">;

/** Only these parts of the overview. Never throws. */
export async function collectTopicsAndRoles(
  sources: Pick<OverviewSources, "topics" | "roles" | "clock" | "timeoutMs">,
  before?: TopicsAndRoles,
): Promise<TopicsAndRoles> {
  const part = asking(sources);
  const [topics, roles] = await Promise.all([
    part(async () => [...(await sources.topics())], before?.topics),
    Promise.all(
      sources.roles.map(async ({ name, address }) => {
        const earlier = stateOfRole(before, { name, address });
        const state = await part(() => askRole(address, sources.timeoutMs ?? TIMEOUT_MS), earlier);
        return { name, address, state };
      }),
    ),
  ]);
  return { topics, roles };
}

/** What this process said; undefined if it was not asked. */
export function stateOfRole(
  overview: Pick<Overview, "roles"> | null | undefined,
  { name, address }: RoleAddress,
): Overview["roles"][number]["state"] | undefined {
  return overview?.roles.find((one) => one.name === name && one.address === address)?.state;
}

function asking({ clock, timeoutMs = TIMEOUT_MS }: Pick<OverviewSources, "clock" | "timeoutMs">) {
  return <T>(read: () => Promise<T>, earlier: Part<T> | undefined) =>
    ask(read, { clock, timeoutMs, unknownSince: unknownSinceOf(earlier) });
}

function unknownSinceOf(part: Part<unknown> | undefined): number | null {
  return part !== undefined && "unknown_since" in part ? part.unknown_since : null;
}
