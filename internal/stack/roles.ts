// The roles as processes: compiled binaries from dist/. A role is ready when its /readyz answers 200.
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { runToEnd } from "./child.ts";
import { type SeparateSecrets, separateSecrets } from "./credentials.ts";
import type { Definition } from "./managed.ts";
import { DIST } from "./paths.ts";
import { nameOf } from "./replicas.ts";
import {
  deploySettings,
  type Role,
  type RoleContext,
  operatorEnvironment,
  roleEnvironment,
} from "./role-env.ts";

const READY_TIMEOUT_MS = 30_000;
/** Longer than a role's own drain deadline, so that a clean drain is never interrupted. */
const STOP_DEADLINE_MS = 25_000;

export interface RoleOptions extends RoleContext {
  readonly role: Role;
  /** Starts at 1. Default: 1. */
  readonly replica?: number;
  readonly opsPort: number;
  readonly port?: number | undefined;
  readonly dataDirectory: string;
  readonly logFile: string;
  readonly overrides: Readonly<Record<string, string>>;
  /** Asked before each start: settings that differ by now. */
  readonly changes?: (() => Readonly<Record<string, string>>) | undefined;
}

export function roleProcess(options: RoleOptions): Definition {
  const { role, replica = 1, opsPort, port, dataDirectory, logFile } = options;
  const ops = `http://127.0.0.1:${opsPort}`;
  const name = nameOf({ role, number: replica });
  const settings = {
    LOG_LEVEL: process.env["LOG_LEVEL"] ?? "info",
    OPS_PORT: String(opsPort),
    ...(port === undefined ? {} : { PORT: String(port) }),
    ...roleEnvironment(role, options, replica),
    ...options.overrides,
  };
  const current = () =>
    separateSecrets({ ...settings, ...options.changes?.() }, join(dataDirectory, "credentials", name));
  return {
    name,
    command: [binary(`checkout-${role}`)],
    cwd: dataDirectory,
    get env() {
      return current().env;
    },
    prepare: async () => current().write(),
    logFile,
    stopDeadlineMs: STOP_DEADLINE_MS,
    address: port === undefined ? ops : `http://127.0.0.1:${port}`,
    ports: port === undefined ? { ops: opsPort } : { ops: opsPort, http: port },
    readyTimeoutMs: READY_TIMEOUT_MS,
    probe: async () => (await fetch(`${ops}/readyz`, { signal: AbortSignal.timeout(2_000) })).ok,
  };
}

/** Migrates the databases. Like createTopics, it does nothing if everything is current. */
export async function migrate(context: RoleContext, logFile: string): Promise<void> {
  await checkoutctl(["migrate"], context, logFile);
}

export async function createTopics(context: RoleContext, logFile: string): Promise<void> {
  await checkoutctl(["topics", "create"], context, logFile);
}

/** Only in a secure stack: what each account may do in Kafka. */
export async function applyAccess(context: RoleContext, logFile: string): Promise<void> {
  await checkoutctl(["acl", "apply"], context, logFile);
}

/** Migrations run beside commands for Kafka, and writing the files of one must not remove those that another is reading. */
export function secretsOf(args: readonly string[], context: RoleContext): SeparateSecrets {
  const folder = `checkoutctl-${args.join("-")}`;
  return separateSecrets(
    operatorEnvironment(context),
    join(dirname(context.addresses.secrets_file), "credentials", folder),
  );
}

async function checkoutctl(args: string[], context: RoleContext, logFile: string): Promise<void> {
  const { env, write } = secretsOf(args, context);
  write();
  await runToEnd({
    name: `checkoutctl ${args.join(" ")}`,
    command: [binary("checkoutctl"), ...args],
    env: { ...env, ...deploySettings(context.addresses) },
    logFile,
  });
}

function binary(name: string): string {
  const path = join(DIST, name);
  if (!existsSync(path)) throw new Error(`dist/${name} is missing: run npm run build`);
  return path;
}
