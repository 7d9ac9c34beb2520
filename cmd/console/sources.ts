// The servers of the console. None is waited for: what one of them knows is missing while it is away, and everything else is there.
import type { Sql } from "postgres";
import type { TopicAccess } from "../../internal/console/options.ts";
import { handledOf } from "../../internal/operations/dead-letter-store.ts";
import { OpenDeadLetters } from "../../internal/operations/open-dead-letters.ts";
import { TopicBrowser } from "../../internal/operations/topic-browser.ts";
import { systemClock } from "../../internal/platform/clock.ts";
import {
  type KafkaOptions,
  kafkaOptions,
  type KafkaSettings,
} from "../../internal/platform/kafka/connection.ts";
import { readTopic } from "../../internal/platform/kafka/read-topic.ts";
import { TopicReader } from "../../internal/platform/kafka/topic-reader.ts";
import { TopicStates } from "../../internal/platform/kafka/topic-states.ts";
import type { RoleContext } from "../../internal/platform/lifecycle.ts";
import { openPostgres } from "../../internal/platform/postgres.ts";
import { watchRefusals } from "../../internal/platform/watch-refusals.ts";
import type { MigratedDatabase } from "../../schemas/migrations.ts";
import { SUBSCRIPTIONS, TOPICS } from "../../schemas/topics.ts";

const NAME = "checkout-console";
/** A page waits for its slowest database. */
const STATEMENT_TIMEOUT_MS = 10_000;
const CONNECT_TIMEOUT_MS = 2_000;
/** For each database in turn. Requests and loops have ended by then: what still runs is a check whose answer nobody waits for. */
const CLOSE_TIMEOUT_MS = 500;
/**
 * What people wait for, and what nobody may hold up: the counts of all who look, and the leases of runs, which are lost if they are not renewed
 * for 15 s. Both together are all connections of a console to one database. A longest answer of the collector takes one for 10 s.
 */
const CONNECTIONS = { pages: 4, background: 4 } as const;

export type Databases = Readonly<Record<MigratedDatabase, Sql>>;

export interface ConsoleDatabases {
  readonly pages: Databases;
  /** For the collector and the executor of runs. */
  readonly background: Databases;
}

interface OpenContext {
  readonly resources: RoleContext<unknown>["resources"];
  readonly ops: Pick<RoleContext<unknown>["ops"], "addCheck">;
  readonly metrics: Pick<RoleContext<unknown>["metrics"], "gauge">;
}

/** Opens without connecting. */
export function openDatabases(
  urls: Readonly<Record<MigratedDatabase, string>>,
  context: OpenContext,
): ConsoleDatabases {
  const { saga, inventory, payment, order, notification } = {
    saga: openPools("saga", urls.saga, context),
    inventory: openPools("inventory", urls.inventory, context),
    payment: openPools("payment", urls.payment, context),
    order: openPools("order", urls.order, context),
    notification: openPools("notification", urls.notification, context),
  };
  const of = (use: keyof ConsoleDatabases): Databases => ({
    saga: saga[use],
    inventory: inventory[use],
    payment: payment[use],
    order: order[use],
    notification: notification[use],
  });
  return { pages: of("pages"), background: of("background") };
}

function openPools(
  name: MigratedDatabase,
  url: string,
  { ops, metrics, resources }: OpenContext,
): Readonly<Record<keyof ConsoleDatabases, Sql>> {
  const open = (connections: number) =>
    openPostgres({
      url,
      // Half of them are for transactions with finish(), which the console never runs: those are never opened.
      poolSize: 2 * connections,
      applicationName: NAME,
      plans: "fresh",
      acceptsStandby: true,
      timeouts: {
        statementMs: STATEMENT_TIMEOUT_MS,
        connectMs: CONNECT_TIMEOUT_MS,
        closeMs: CLOSE_TIMEOUT_MS,
      },
    });
  const [pages, background] = [open(CONNECTIONS.pages), open(CONNECTIONS.background)];
  resources.defer(`postgres ${name}`, async () => {
    await Promise.all([pages[Symbol.asyncDispose](), background[Symbol.asyncDispose]()]);
  });
  ops.addCheck(`postgres ${name}`, () => background.ready(), { required: false });
  const denied = () => background.denied() ?? pages.denied();
  watchRefusals({ ops, metrics }, name, denied, { isRequired: false });
  return { pages: pages.sql, background: background.sql };
}

/** As with databases: people learn within seconds that Kafka does not answer; a run, for which nobody waits, has the usual time to connect. */
export function kafkaOptionsOf(
  settings: KafkaSettings,
): Readonly<Record<keyof ConsoleDatabases, KafkaOptions>> {
  const background = kafkaOptions(settings, NAME);
  return { pages: { ...background, connectTimeoutMs: CONNECT_TIMEOUT_MS }, background };
}

/** Sizes and lags of the topics, the dead letters that nobody has handled, and what is in a topic. */
export function openTopics(
  settings: KafkaSettings,
  saga: Sql,
  { resources }: Pick<OpenContext, "resources">,
) {
  const { pages: kafka } = kafkaOptionsOf(settings);
  const states = resources.use("kafka", new TopicStates(kafka, Object.values(TOPICS), SUBSCRIPTIONS));
  const open = new OpenDeadLetters({
    read: (from) => readTopic({ ...kafka, topic: TOPICS.deadLetters, from }),
    handled: (ids) => handledOf(saga, ids),
    clock: systemClock,
  });
  const access: TopicAccess = {
    readingOf: (topic) => states.readingOf(topic),
    browser: new TopicBrowser({ open: (topic) => TopicReader.open(kafka, topic) }),
  };
  return { collected: { topics: () => states.read(), deadLetters: () => open.count() }, access };
}
