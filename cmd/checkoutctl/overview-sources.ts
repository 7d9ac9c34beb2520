// The sources of the overview: connections that stay open, because it is collected every second. A server that does not answer now
// may answer later, so nothing is closed on an error. Used by `checkoutctl top` and others.
import { handledOf } from "../../internal/operations/dead-letter-store.ts";
import { OpenDeadLetters } from "../../internal/operations/open-dead-letters.ts";
import type { OverviewSources } from "../../internal/operations/overview.ts";
import { roleAddresses } from "../../internal/operations/role-state.ts";
import { systemClock } from "../../internal/platform/clock.ts";
import { kafkaOptions } from "../../internal/platform/kafka/connection.ts";
import { readTopic } from "../../internal/platform/kafka/read-topic.ts";
import { TopicStates } from "../../internal/platform/kafka/topic-states.ts";
import { openPostgres, type Postgres } from "../../internal/platform/postgres.ts";
import type { MigratedDatabase } from "../../schemas/migrations.ts";
import type { OpenDeadLetterCount } from "../../schemas/overview.ts";
import { SUBSCRIPTIONS, TOPICS } from "../../schemas/topics.ts";
import { DATABASE_SETTING } from "./connections.ts";
import { seldom } from "./seldom.ts";
import type { Settings } from "./settings.ts";

export const CONNECT_TIMEOUT_MS = 2_500;
const STATEMENT_TIMEOUT_MS = 3_000;
/** Each count opens a connection to Kafka for a moment, and the first one reads the whole topic. */
const COUNT_DEAD_LETTERS_EVERY_MS = 10_000;

export class OpenSources implements AsyncDisposable {
  readonly #settings: Pick<Settings, "need" | "optional" | "kafka">;
  readonly #open = new AsyncDisposableStack();
  readonly #databases = new Map<MigratedDatabase, Postgres>();
  #topics: TopicStates | undefined;
  #deadLetters: OpenDeadLetters | undefined;
  readonly #countDeadLetters: () => Promise<readonly OpenDeadLetterCount[]>;

  constructor(settings: Pick<Settings, "need" | "optional" | "kafka">) {
    this.#settings = settings;
    this.#countDeadLetters = seldom(async () => this.#openDeadLetters().count(), {
      everyMs: COUNT_DEAD_LETTERS_EVERY_MS,
      clock: systemClock,
    });
  }

  get sources(): OverviewSources {
    return {
      database: async (name) => this.database(name).sql,
      topics: async () => this.#topicStates().read(),
      deadLetters: () => this.#countDeadLetters(),
      roles: roleAddresses(this.#settings.optional("OPS_URLS")),
      clock: systemClock,
    };
  }

  /** Connects at its first use. Throws CONFIG_INVALID while its address is not set. */
  database(name: MigratedDatabase): Postgres {
    const open = this.#databases.get(name);
    if (open !== undefined) return open;
    const opened = this.#open.use(
      openPostgres({
        url: this.#settings.need(DATABASE_SETTING[name]),
        poolSize: 4,
        applicationName: "checkoutctl",
        plans: "fresh",
        acceptsStandby: true,
        timeouts: { statementMs: STATEMENT_TIMEOUT_MS, connectMs: CONNECT_TIMEOUT_MS },
      }),
    );
    this.#databases.set(name, opened);
    return opened;
  }

  kafka() {
    return {
      ...kafkaOptions(this.#settings.kafka(), "checkoutctl"),
      connectTimeoutMs: CONNECT_TIMEOUT_MS,
    };
  }

  #topicStates(): TopicStates {
    this.#topics ??= this.#open.use(new TopicStates(this.kafka(), Object.values(TOPICS), SUBSCRIPTIONS));
    return this.#topics;
  }

  #openDeadLetters(): OpenDeadLetters {
    this.#deadLetters ??= new OpenDeadLetters({
      read: (from) => readTopic({ ...this.kafka(), topic: TOPICS.deadLetters, from }),
      handled: (ids) => handledOf(this.database("saga").sql, ids),
      clock: systemClock,
    });
    return this.#deadLetters;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#open.disposeAsync();
  }
}
