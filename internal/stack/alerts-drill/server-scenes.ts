// Scenes with servers and processes that are away, slow or locked.
import { setTimeout as pause } from "node:timers/promises";
import { promote } from "../../faults/failover.ts";
import { failOverManaged } from "../../testkit/failover.ts";
import { repeatedly, type Scene } from "./scene.ts";

const WATCHED_ROLES = [
  "gateway",
  "orchestrator",
  "inventory",
  "payment",
  "order",
  "relay",
  "notification",
  "console",
] as const;
/** More than the lag that pages, so that it pages; the orchestrator rejects the rest. */
const BURST = 1_400;
/** More than the events that page. */
const UNSENT_BURST = 150;
/** Who stops for the repair of order's database. */
const BEHIND = ["orchestrator", "order"] as const;
const LOCK_MS = 16_000;
const UNLOCKED_MS = 1_500;

export const INVENTORY_DATABASE_AWAY: Scene = {
  cause: `Postgres of inventory is killed, ${BURST} checkouts arrive`,
  end: "it is started",
  alerts: ["ConsumerLag", "IntakeRefuses", "SagaStuck", "SagaStuckForHours"],
  async inject(arena) {
    arena.kill("postgres-inventory");
    await arena.burst(BURST);
    return () => arena.restart("postgres-inventory");
  },
};

export const MAIL_SERVER_AWAY: Scene = {
  cause: "the mail server is killed",
  end: "it is started",
  alerts: ["NoMailGoesOut"],
  async inject(arena) {
    arena.kill("mail");
    return () => arena.restart("mail");
  },
};

export const REDIS_AWAY: Scene = {
  cause: "Redis is killed",
  end: "it is started",
  alerts: ["RedisAway", "RevocationsOld"],
  async inject(arena) {
    arena.kill("redis");
    return () => arena.restart("redis");
  },
};

export const IDENTITY_PROVIDER_AWAY: Scene = {
  cause: "the identity provider does not give its keys",
  end: "it gives them",
  alerts: ["TokenKeysOld"],
  async inject({ identityProvider }) {
    await identityProvider.goAway();
    return async () => identityProvider.comeBack();
  },
};

export const FORGOTTEN_TRANSACTION: Scene = {
  cause: "an operator's session in order's database forgets its transaction",
  end: "the session ends",
  alerts: ["LongTransaction"],
  async inject(arena) {
    const session = arena.session("order");
    const connection = await session.reserve();
    await connection`begin isolation level repeatable read`;
    await connection`select 1`;
    return () => session.end({ timeout: 0 });
  },
};

export const OLD_PARTITION_LOCKED: Scene = {
  cause: "a session locks a partition of inventory's outbox that is over its retention",
  end: "the session ends, inventory starts again",
  alerts: ["OutboxPartitionKept"],
  async inject(arena) {
    const session = arena.session("inventory");
    const connection = await session.reserve();
    // By the function that makes the partitions, for a day ten days ago.
    await connection`select ensure_day_partitions('outbox', current_date - 10, 1)`;
    const [row] = await connection<[{ name: string }]>`
      select 'outbox_' || to_char(current_date - 10, 'YYYYMMDD') as name`;
    await connection`begin`;
    await connection`lock table ${connection(row.name)} in access share mode`;
    // The retention runs when a role starts, and then each hour.
    await arena.restart("inventory");
    return async () => {
      await session.end({ timeout: 0 });
      await arena.restart("inventory");
    };
  },
};

export const ORDERS_LOCKED: Scene = {
  cause: "a job locks the table of orders for 16 s, again and again",
  end: "the job ends",
  alerts: ["CheckoutsSlow", "SlownessBurnFast", "SlownessBurn", "SlownessBurnSlowly"],
  async inject(arena) {
    const session = arena.session("order");
    const lift = repeatedly(async () => {
      await session.begin(async (tx) => {
        await tx`lock table orders in share row exclusive mode`;
        await pause(LOCK_MS);
      });
      await pause(UNLOCKED_MS);
    });
    return async () => {
      await lift();
      await session.end();
    };
  },
};

export const SCRAPES_FAIL: Scene = {
  cause: "notification is paused for 2 s in every 6 s",
  end: "it runs",
  alerts: ["ScrapeGaps"],
  async inject(arena) {
    return repeatedly(async () => {
      arena.signal("notification", "SIGSTOP");
      await pause(2_000);
      arena.signal("notification", "SIGCONT");
      await pause(4_000);
    });
  },
};

export const KAFKA_AWAY: Scene = {
  cause: `the only broker is killed, ${UNSENT_BURST} checkouts arrive`,
  end: "it is started",
  alerts: ["OutboxBacklog", "OutboxStale"],
  async inject(arena) {
    arena.kill("kafka-1");
    await arena.burst(UNSENT_BURST);
    return () => arena.restart("kafka-1");
  },
};

export const STANDBY_BEHIND: Scene = {
  cause: "a standby of order's Postgres is promoted that lacks the last orders",
  end: "`checkoutctl repair`, while orchestrator and order are stopped",
  alerts: ["DatabaseBehind"],
  async inject(arena) {
    const { stack } = arena.system;
    const server = stack.find("postgres-order");
    await failOverManaged(server, () => arena.buy());
    await promote(server.address);
    return async () => {
      for (const role of BEHIND) await stack.find(role).stop();
      const repair = ["repair", "--reason", "its standby was behind"];
      const { confirm } = await arena.operator<{ readonly confirm: number }>(...repair, "--dry-run");
      await arena.operator(...repair, "--confirm", String(confirm));
      await arena.restart(...BEHIND);
    };
  },
};

export const ROLES_AWAY: Scene = {
  cause: "every role is killed",
  end: "all are started",
  alerts: ["InstanceDown", ...WATCHED_ROLES.map((role) => `RoleAbsent ${role}`)],
  async inject(arena) {
    arena.kill(...WATCHED_ROLES);
    return () => arena.restart(...WATCHED_ROLES);
  },
};
