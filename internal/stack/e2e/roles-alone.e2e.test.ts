// A role's binary as under systemd: alone in an empty folder, with only its environment. It starts before its servers, reports what
// it waits for, ignores files in its folder, and stops on SIGTERM. Help, version and wrong settings are tested in
// ../binaries.e2e.test.ts.
import { afterEach, beforeAll, expect, test } from "bun:test";
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Readiness } from "../../platform/ops-http.ts";
import { type Child, startChild } from "../child.ts";
import { CACHE, DIST } from "../paths.ts";
import { payPalFolder, ROLES, type Role, roleEnvironment, SERVING_ROLES } from "../role-env.ts";
import { newSecrets, type StackSecrets } from "../secrets.ts";
import { certificateFiles } from "../secure/certificate-files.ts";
import { ensureKafkaCertificates } from "../secure/kafka-certificates.ts";
import { ensurePayPalCertificates } from "../secure/paypal-certificates.ts";
import { ensureServerCertificates } from "../secure/server-certificates.ts";
import type { StackAddresses } from "../state.ts";
import { waitUntil } from "../wait.ts";

const SOON = { timeoutMs: 30_000 };
/** Then it is killed, which is no end with code 0. */
const STOP_DEADLINE_MS = 20_000;

/** The server each role needs, as /readyz names it; null if it needs none. */
const WAITS_FOR: Readonly<Record<Role, string | null>> = {
  paysim: null,
  inventory: "Postgres (DATABASE_URL)",
  payment: "Postgres (DATABASE_URL)",
  order: "Postgres (DATABASE_URL)",
  notification: "Postgres (DATABASE_URL)",
  orchestrator: "Postgres (DATABASE_URL)",
  relay: "Kafka (KAFKA_BROKERS)",
  gateway: "the orchestrator",
  console: null,
};

const folder = join(CACHE, "tests", `binaries-${process.pid}`);
let secrets: StackSecrets;
let role: Child | undefined;
beforeAll(async () => {
  secrets = await newSecrets();
});
afterEach(async () => {
  role?.kill("SIGKILL");
  await role?.exited;
  rmSync(folder, { recursive: true, force: true });
});

const CASES = ROLES.flatMap((name) => [[name, "open"] as const, [name, "encrypted"] as const]);

test.each(CASES)(
  "%s starts in an empty folder, before its servers (%s connections) do, and drains on SIGTERM",
  async (name, connections) => {
    // given
    mkdirSync(folder, { recursive: true });
    copyFileSync(join(DIST, `checkout-${name}`), join(folder, `checkout-${name}`));
    // and files that a binary in production must not read
    writeFileSync(join(folder, ".env"), "OPS_PORT=no-port\nLOG_LEVEL=no-level\n");
    writeFileSync(join(folder, "bunfig.toml"), 'preload = ["./missing.ts"]\n');
    await ensurePayPalCertificates(payPalFolder(nobodyAnywhere().ledger_file));
    // when
    role = startChild({
      name,
      command: [`./checkout-${name}`],
      cwd: folder,
      env: {
        ...roleEnvironment(name, { addresses: await addressesOf(connections), secrets }),
        ...(SERVING_ROLES.includes(name) ? { PORT: "0" } : {}),
      },
      logFile: join(folder, "log"),
      stopDeadlineMs: STOP_DEADLINE_MS,
    });
    // then it is alive and reports what it waits for
    const ops = await opsAddress(role);
    expect((await fetch(`${ops}/healthz`)).status).toBe(200);
    expect(await (await fetch(`${ops}/metrics`)).text()).toContain("process_cpu_seconds_total");
    const waitsFor = WAITS_FOR[name];
    await waitUntil(
      `${name} waits for ${waitsFor}`,
      async () => {
        const complaints = await complaintsOf(ops);
        return waitsFor === null ? complaints === "" : complaints.includes(waitsFor);
      },
      SOON,
    );
    // and it stops on SIGTERM while it waits
    expect(await role.stop()).toEqual({ code: 0, signal: null });
  },
);

/** Of a stack that is not there; `encrypted`: with `--secure`, whose certificates are there. */
async function addressesOf(connections: "open" | "encrypted"): Promise<StackAddresses> {
  const addresses = nobodyAnywhere();
  if (connections === "open") return addresses;
  const certificates = join(folder, "certificates");
  await ensureKafkaCertificates(certificates);
  await ensureServerCertificates(certificates);
  const { caFile } = certificateFiles(certificates, "redis");
  const redis = `rediss://127.0.0.1:9?ssl_ca_certs=${encodeURIComponent(caFile)}`;
  return { ...addresses, certificates, redis };
}

/** Addresses where nothing listens: port 9 is `discard`. */
function nobodyAnywhere(): StackAddresses {
  const host = "127.0.0.1:9";
  const http = `http://${host}`;
  const postgres = (name: string) => `postgres://user:password@${host}/${name}`;
  return {
    postgres: {
      saga: postgres("saga"),
      inventory: postgres("inventory"),
      payment: postgres("payment"),
      order: postgres("order"),
      notification: postgres("notification"),
    },
    kafka_brokers: host,
    redis: `redis://${host}`,
    smtp: `smtp://${host}`,
    mail: http,
    gateway: http,
    console: http,
    orchestrator: http,
    inventory: http,
    order: http,
    payment: http,
    payment_internal: http,
    paysim: http,
    ledger_file: join(folder, "ledger.jsonl"),
    secrets_file: "",
    replicas: {},
    ops: {},
  };
}

/** Reads the ops address from the log, because the role chose a free port. */
async function opsAddress({ name, logFile, exited }: Child): Promise<string> {
  let port: string | undefined;
  const told = () => (port = /"ops_port":(\d+)/.exec(readFileSync(logFile, "utf8"))?.[1]) !== undefined;
  const died = exited.then(() => {
    throw new Error(`${name} ended: ${readFileSync(logFile, "utf8")}`);
  });
  await waitUntil(`${name} logs its ops port`, told, { ...SOON, abort: died });
  return `http://127.0.0.1:${port}`;
}

async function complaintsOf(ops: string): Promise<string> {
  const readiness: Readiness = JSON.parse(await (await fetch(`${ops}/readyz`)).text());
  return Object.values(readiness.checks)
    .filter(({ required, status }) => required && status === "down")
    .map(({ reason }) => reason ?? "")
    .join("; ");
}
