// The checks of `checkoutctl doctor` that ask Kafka, roles and HTTP servers, and those of keys and certificates.
import { Type } from "@sinclair/typebox";
import type { Check } from "../../internal/operations/doctor.ts";
import {
  finding,
  judgeCertificate,
  judgeClock,
  judgeKafkaClock,
  judgeTopic,
} from "../../internal/operations/doctor-verdicts.ts";
import { get, metricsOf } from "../../internal/operations/role-state.ts";
import { differencesFrom, topicLayout } from "../../internal/operations/topics.ts";
import { plural } from "../../internal/kernel/counted.ts";
import { AppError } from "../../internal/kernel/errors.ts";
import { systemClock } from "../../internal/platform/clock.ts";
import { parseConfig, secret } from "../../internal/platform/config.ts";
import { type Admin, openAdmin } from "../../internal/platform/kafka/admin.ts";
import { readTopic } from "../../internal/platform/kafka/read-topic.ts";
import { createOpener, createSealer } from "../../internal/platform/seal.ts";
import { sentinelUrls } from "../../internal/platform/sentinel-address.ts";
import type { Finding } from "../../schemas/doctor.ts";
import { isInForce, planAccess } from "../../internal/operations/access.ts";
import { TOPICS } from "../../schemas/topics.ts";
import { clockReading } from "./doctor-databases.ts";
import { certificateEnd, type TlsAddress, tlsAddresses } from "./certificates.ts";
import { roleAddresses } from "../../internal/operations/role-state.ts";
import { CONNECT_TIMEOUT_MS, type OpenSources } from "./overview-sources.ts";
import type { SettingName, Settings } from "./settings.ts";

/** The answer of a role to a Host header that is not its own: shoppers and operators would get it, too. */
const MISDIRECTED = 421;
const HTTP_SETTINGS = ["GATEWAY_URL", "ORCHESTRATOR_URL", "INVENTORY_URL", "ORDER_URL"] as const;

/** The client that it opens is not closed: the process ends after the checks. */
export function kafkaChecks(settings: Settings, open: OpenSources): readonly Check[] {
  const brokers = settings.optional("KAFKA_BROKERS");
  if (brokers === undefined) return [];
  const admin = openAdmin(open.kafka());
  admin.catch(() => undefined);
  return [
    {
      check: "kafka",
      subject: "brokers",
      async run() {
        const { brokers: known } = await (await admin).describeCluster();
        const says = `${plural(known.length, "broker answers", "brokers answer")}; Kafka does not tell clients its version`;
        return [finding("kafka", "brokers", { verdict: "ok", says })];
      },
      whenAway: { verdict: "problem", todo: "start it, or correct KAFKA_BROKERS" },
    },
    {
      check: "clock",
      subject: "kafka",
      async run() {
        await admin;
        return [judgeKafkaClock(await newestMessageAt(open), systemClock.now())];
      },
    },
    { check: "topics", subject: "kafka", run: async () => topicFindings(await admin) },
    ...(isEncrypted(settings)
      ? [{ check: "access", subject: "kafka", run: async () => [await accessFinding(await admin)] }]
      : []),
  ];
}

/** Where connections are open, nobody has to say who they are, and there is nothing to compare. */
function isEncrypted(settings: Settings): boolean {
  return (settings.optional("KAFKA_SECURITY_PROTOCOL") ?? "PLAINTEXT") !== "PLAINTEXT";
}

async function accessFinding(admin: Admin): Promise<Finding> {
  const plan = planAccess(await admin.accessRules());
  if (isInForce(plan))
    return finding("access", "kafka", { verdict: "ok", says: "the access lists are as they should be" });
  const { missing, extra, foreign } = plan;
  const dangerous = foreign.filter((rule) => rule.endangers).length;
  return finding("access", "kafka", {
    verdict: "problem",
    says: `${missing.length} access rules are missing, ${extra.length} too many, ${dangerous} let others change our topics`,
    todo: "checkoutctl acl plan, then checkoutctl acl apply; see the runbook, Kafka access",
  });
}

async function topicFindings(admin: Admin): Promise<readonly Finding[]> {
  const { brokers } = await admin.describeCluster();
  const described = new Map((await admin.describeTopics()).map((one) => [one.topic, one.partitions]));
  const layout = topicLayout(brokers.length).filter(({ topic }) => described.has(topic));
  const differences = await differencesFrom(admin, layout);
  return Object.values(TOPICS).flatMap((topic) => {
    const partitions = described.get(topic);
    return judgeTopic(
      topic,
      partitions && {
        topic,
        partitions: partitions.length,
        leaderless: partitions.filter(({ leader }) => leader === -1).length,
        underReplicated: partitions.filter(({ replicas, inSync }) => inSync.length < replicas.length).length,
        differences: differences.filter((one) => one.topic === topic),
      },
    );
  });
}

/** The brokers' time of the newest message of the busiest topic; null if it has none. */
async function newestMessageAt(open: OpenSources): Promise<number | null> {
  const from = (_: number, { high }: { readonly high: number }) => high - 1;
  let newest: number | null = null;
  for await (const batch of readTopic({ ...open.kafka(), topic: TOPICS.commands, from }))
    for (const index of batch.values.keys()) newest = Math.max(newest ?? 0, batch.raw(index).timestampMs);
  return newest;
}

/** The HTTP servers of roles that operators use, and the clocks of all roles. */
export function httpChecks(settings: Settings): readonly Check[] {
  const servers = HTTP_SETTINGS.flatMap((name) => {
    const url = settings.optional(name);
    return url === undefined ? [] : [{ name, url }];
  });
  return [
    ...servers.map(({ name, url }): Check => ({
      check: "http",
      subject: name,
      async run() {
        const { status } = await get(new URL(url), CONNECT_TIMEOUT_MS);
        if (status === MISDIRECTED) {
          const todo = `put this name into SERVED_NAMES of the role, or its address into ${name}`;
          return [
            finding("http", name, { verdict: "problem", says: `${url}: it does not serve this name`, todo }),
          ];
        }
        return [finding("http", name, { verdict: "ok", says: `${url} answers (${status})` })];
      },
      whenAway: { verdict: "problem", todo: `start the role, or correct ${name}` },
    })),
    ...roleAddresses(settings.optional("OPS_URLS")).map(({ name, address }): Check => ({
      check: "clock",
      subject: name,
      async run() {
        const reading = await clockReading(async () =>
          dateOf(await get(new URL("/healthz", address), CONNECT_TIMEOUT_MS)),
        );
        return [judgeClock(name, { ...reading, grainMs: 1_000 })];
      },
    })),
  ];
}

function dateOf({ headers }: Response): number {
  const at = Date.parse(headers.get("date") ?? "");
  if (Number.isNaN(at)) throw new AppError("SERVICE_UNAVAILABLE", "its answers carry no Date");
  return at;
}

/** One check for each address that uses TLS. */
export function certificateChecks(
  settings: Pick<Settings, "optional">,
  names: readonly SettingName[],
): readonly Check[] {
  const addresses = names.flatMap((name) => addressesIn(settings, name));
  if (addresses.length === 0) {
    const says = "no address uses TLS";
    const run = async () => [finding("certificates", "all", { verdict: "not checked", says })];
    return [{ check: "certificates", subject: "all", run }];
  }
  return addresses.map((address) => ({
    check: "certificates",
    subject: address.name,
    async run() {
      return [judgeCertificate(address.name, await certificateEnd(address), systemClock.now())];
    },
  }));
}

function addressesIn(settings: Pick<Settings, "optional">, name: SettingName): readonly TlsAddress[] {
  const sentinels = settings.optional("REDIS_SENTINELS");
  // With Sentinels its host does not count.
  if (name === "REDIS_URL" && sentinels !== undefined) return [];
  if (name !== "REDIS_SENTINELS") return tlsAddresses(name, settings.optional(name));
  const { nodes } = sentinelUrls(sentinels ?? "") ?? { nodes: [] };
  return nodes.flatMap(({ place, url }) => tlsAddresses(`${name} ${place}`, url));
}

const Keys = Type.Partial(
  Type.Object({
    PAYMENT_PUBLIC_JWK: secret(Type.String({ description: "the gateways' key" })),
    PAYMENT_PRIVATE_JWK: secret(Type.String({ description: "the payment service's keys" })),
  }),
);

/** Whether the pair in the environment fits, and whether payment processes had tokens that they could not open. */
export function keyChecks(settings: Settings): readonly Check[] {
  const payments = roleAddresses(settings.optional("OPS_URLS")).filter(({ name }) =>
    name.startsWith("payment"),
  );
  return [
    { check: "sealing keys", subject: "pair", run: async () => [await pairFinding()] },
    ...payments.map(({ name, address }): Check => ({
      check: "sealing keys",
      subject: name,
      async run() {
        const samples = await metricsOf(address, CONNECT_TIMEOUT_MS);
        const unopened = samples.filter(
          (one) => one.name === "checkout_payment_tokens_unopened_total" && one.value > 0,
        );
        if (unopened.length === 0)
          return [
            finding("sealing keys", name, {
              verdict: "ok",
              says: "opened every payment token since its start",
            }),
          ];
        const why = unopened
          .map(({ labels, value }) => `${value} tries (${labels["reason"] ?? ""})`)
          .join(", ");
        return [
          finding("sealing keys", name, {
            verdict: "warning",
            says: `could not open payment tokens since its start: ${why}`,
            todo: "see the runbook, Sealing keys",
          }),
        ];
      },
    })),
  ];
}

async function pairFinding(): Promise<Finding> {
  const { PAYMENT_PUBLIC_JWK: publicJwk, PAYMENT_PRIVATE_JWK: privateJwk } = parseConfig("checkoutctl", Keys);
  if (publicJwk === undefined || privateJwk === undefined) {
    const says = "PAYMENT_PUBLIC_JWK and PAYMENT_PRIVATE_JWK are not both in this environment";
    return finding("sealing keys", "pair", { verdict: "not checked", says });
  }
  const sealed = (await createSealer(publicJwk))("pm_doctor");
  try {
    await (
      await createOpener(privateJwk)
    )(sealed);
    return finding("sealing keys", "pair", {
      verdict: "ok",
      says: "the private key opens what the public key seals",
    });
  } catch {
    return finding("sealing keys", "pair", {
      verdict: "problem",
      says: "the private key does not open what the public key seals",
      todo: "give the gateways the public half of the pair; see the runbook, Sealing keys",
    });
  }
}
