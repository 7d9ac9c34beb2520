// The servers of the console. None is waited for: what one of them knows is missing while it is away, and everything else is there.
import type { Sql } from "postgres";
import { handlingsOf } from "../../internal/operations/dead-letter-store.ts";
import { OpenDeadLetters } from "../../internal/operations/open-dead-letters.ts";
import { systemClock } from "../../internal/platform/clock.ts";
import { readTopic } from "../../internal/platform/kafka/read-topic.ts";
import { TopicStates } from "../../internal/platform/kafka/topic-states.ts";
import type { RoleContext } from "../../internal/platform/lifecycle.ts";
import { openPostgres } from "../../internal/platform/postgres.ts";
import { SUBSCRIPTIONS, type Topic, TOPICS } from "../../schemas/topics.ts";

const NAME = "checkout-console";
/** A page waits for its slowest database. */
const STATEMENT_TIMEOUT_MS = 10_000;
export const CONNECT_TIMEOUT_MS = 2_000;
/** For each database in turn. Requests and loops have ended by then: what still runs is a check whose answer nobody waits for. */
const CLOSE_TIMEOUT_MS = 500;
const POOL_SIZE = 6;

/** Opens without connecting. */
export function openDatabase(name: string, url: string, { ops, resources }: RoleContext<unknown>): Sql {
  const database = resources.use(
    `postgres ${name}`,
    openPostgres({
      url,
      poolSize: POOL_SIZE,
      applicationName: NAME,
      plans: "fresh",
      acceptsStandby: true,
      timeouts: {
        statementMs: STATEMENT_TIMEOUT_MS,
        connectMs: CONNECT_TIMEOUT_MS,
        closeMs: CLOSE_TIMEOUT_MS,
      },
    }),
  );
  ops.addCheck(`postgres ${name}`, () => database.ready(), { required: false });
  return database.sql;
}

/** Sizes and lags of the topics, the dead letters that nobody has handled, and the newest messages of a topic. */
export function openTopics(brokers: string, saga: Sql, { resources }: RoleContext<unknown>) {
  const kafka = { brokers, clientId: NAME, connectTimeoutMs: CONNECT_TIMEOUT_MS };
  const states = resources.use("kafka", new TopicStates(kafka, Object.values(TOPICS), SUBSCRIPTIONS));
  const open = new OpenDeadLetters({
    read: (from) => readTopic({ ...kafka, topic: TOPICS.deadLetters, from }),
    handlings: (ids) => handlingsOf(saga, ids),
    clock: systemClock,
  });
  const browse = (topic: Topic, perPartition: number) =>
    readTopic({ ...kafka, topic, from: (_, { high }) => high - perPartition });
  return { collected: { topics: () => states.read(), deadLetters: () => open.count() }, browse };
}
