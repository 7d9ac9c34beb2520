// Who may do what in Kafka: one account per role, one per relay of a database, and those of operators. `checkoutctl acl` brings the brokers'
// access lists in line with this table; whatever it does not name is refused. An account that has no line here (gateway, paysim) needs no
// access at all.
import type { DatabaseName } from "./migrations.ts";
import { OUTBOX_TOPICS } from "./outbox-rules.ts";
import { SUBSCRIPTIONS, type Topic, TOPICS } from "./topics.ts";

export interface Access {
  /** Why it needs this, for people. */
  readonly purpose: string;
  readonly reads: readonly Topic[];
  readonly writes: readonly Topic[];
  /** Groups under which it reads. */
  readonly groups: readonly string[];
  /** Groups of others, whose progress it looks up. */
  readonly watches: readonly string[];
  /** Topics whose settings it looks up. */
  readonly inspects: readonly Topic[];
  /** Whether it may look at the access lists. */
  readonly readsAccess: boolean;
}

const NOTHING = { reads: [], writes: [], groups: [], watches: [], inspects: [], readsAccess: false } as const;
const EVERY_TOPIC: readonly Topic[] = Object.values(TOPICS);
const EVERY_GROUP: readonly string[] = Object.keys(SUBSCRIPTIONS);

/** The names under which clients that are no members of a group read: see read-topic.ts and topic-reader.ts. */
const readers = (clientId: string) => [`${clientId}-reader`, `${clientId}-browser`];

const service = (name: Exclude<DatabaseName, "saga">): Access => ({
  ...NOTHING,
  purpose: `the ${name} service: reads its commands, publishes its events right after the commit, and compares what it has sent with its database`,
  reads: [...SUBSCRIPTIONS[name], ...OUTBOX_TOPICS[name].filter((topic) => topic !== TOPICS.deadLetters)],
  writes: OUTBOX_TOPICS[name],
  groups: [name, `${name}-reader`],
});

const relay = (database: DatabaseName): Access => ({
  ...NOTHING,
  purpose: `the relay of the ${database} database`,
  writes: OUTBOX_TOPICS[database],
});

/** By account: the common name of its certificate, or its user name. */
export const ACCOUNTS = {
  orchestrator: {
    ...NOTHING,
    purpose:
      "reads events, publishes commands; counts the open dead letters, and compares what it has sent with its database",
    reads: [...SUBSCRIPTIONS.orchestrator, TOPICS.commands, TOPICS.notifications, TOPICS.deadLetters],
    writes: OUTBOX_TOPICS.saga,
    groups: ["orchestrator", "orchestrator-reader"],
  },
  inventory: service("inventory"),
  payment: service("payment"),
  order: service("order"),
  notification: {
    ...NOTHING,
    purpose: "the notification service: reads its commands, and publishes its dead letters itself",
    reads: SUBSCRIPTIONS.notification,
    writes: [TOPICS.deadLetters],
    groups: ["notification"],
  },
  "relay-saga": relay("saga"),
  "relay-inventory": relay("inventory"),
  "relay-payment": relay("payment"),
  "relay-order": relay("order"),
  console: {
    ...NOTHING,
    purpose: "the operators' console: sizes, lags and messages of all topics",
    reads: EVERY_TOPIC,
    groups: readers("checkout-console"),
    watches: EVERY_GROUP,
  },
  operator: {
    ...NOTHING,
    purpose: "checkoutctl, for everything but `topics create` and `acl apply`",
    reads: EVERY_TOPIC,
    groups: readers("checkoutctl"),
    watches: EVERY_GROUP,
    inspects: EVERY_TOPIC,
    readsAccess: true,
  },
} as const satisfies Record<string, Access>;

export type Account = keyof typeof ACCOUNTS;

/** Super users of the brokers (`super.users`): no access list limits them. */
export const SUPER_USERS = {
  /** The brokers themselves. */
  brokers: "kafka",
  /** For `checkoutctl topics create` and `checkoutctl acl apply`. */
  deploy: "deploy",
} as const;
