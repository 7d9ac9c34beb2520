// Scenes with certificates that end and rights that a role has lost, which a stack with `--secure` has.
import { ACCOUNTS } from "../../../schemas/access.ts";
import { roleName } from "../../../schemas/database-grants.ts";
import { rulesOf } from "../../operations/access.ts";
import { type Admin, openAdmin } from "../../platform/kafka/admin.ts";
import { CertificateAuthority } from "../secure/certificate-authority.ts";
import type { Arena } from "./arena.ts";
import type { Scene } from "./scene.ts";

/** Less than both alerts want. */
const DAYS_LEFT = 2;
const ROLE = "order";

export const CERTIFICATE_ENDS: Scene = {
  cause: `${ROLE} starts with a certificate for Kafka that ends in ${DAYS_LEFT} days`,
  end: "it starts with another one",
  alerts: ["CertificateExpires", "CertificateExpiresSoon"],
  async inject(arena) {
    const authority = await CertificateAuthority.open(arena.system.context.addresses.certificates ?? "");
    await authority.issue({ name: ROLE, days: DAYS_LEFT });
    await arena.restart(ROLE);
    return async () => {
      await authority.issue({ name: ROLE });
      await arena.restart(ROLE);
    };
  },
};

/** What the account may read; what it may write stays. */
const READING = rulesOf({ [ROLE]: ACCOUNTS[ROLE] }).filter(({ operation }) => operation === "READ");

async function asDeploy(arena: Arena, work: (admin: Admin) => Promise<void>): Promise<void> {
  await using admin = await openAdmin({ ...arena.system.kafka(), clientId: "alerts-drill" });
  await work(admin);
}

export const KAFKA_REFUSES: Scene = {
  cause: `the rules that let ${ROLE} read from Kafka are removed`,
  end: "they are added again",
  alerts: ["KafkaAccessDenied"],
  async inject(arena) {
    await asDeploy(arena, (admin) => admin.removeAccessRules(READING));
    return () => asDeploy(arena, (admin) => admin.addAccessRules(READING));
  },
};

export const POSTGRES_REFUSES: Scene = {
  cause: "a right of inventory on its outbox is revoked",
  end: "it is granted again",
  alerts: ["DatabaseAccessDenied"],
  async inject(arena) {
    const session = arena.session("inventory");
    const role = roleName("inventory", "app");
    await session.unsafe(`revoke update (published_at) on outbox from ${role}`);
    return async () => {
      await session.unsafe(`grant update (published_at) on outbox to ${role}`);
      await session.end();
    };
  },
};
