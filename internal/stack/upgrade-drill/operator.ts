// What an operator of the new release asks and sets during the drill. Called by drill.ts.
import { join } from "node:path";
import { IN_PROGRESS } from "../../operations/saga-search.ts";
import { auditViolations } from "../audit-violations.ts";
import { cleanEnvironment } from "../child.ts";
import { DIST } from "../paths.ts";
import { operatorEnvironment, type RoleContext } from "../role-env.ts";
import { waitUntil } from "../wait.ts";
import type { Release } from "./release.ts";

const IDLE_WITHIN = "60s";
/** The table of the sagas that hold the money first. */
export const HELD_FIRST = 2;
/** In the drill sagas wait at most 20 s for their shopper. */
const NONE_HELD_WITHIN_MS = 120_000;

/** The release with AUTHORIZE_FIRST on its orchestrators. */
export function holdingFirst(release: Release, providers: string): Release {
  const { overrides } = release;
  const orchestrator = { ...overrides.orchestrator, AUTHORIZE_FIRST: providers };
  return { ...release, overrides: { ...overrides, orchestrator } };
}

/** Resolves when no saga that holds the money first is in progress, by the command of docs/upgrading.md. */
export async function untilNoneHeld(context: RoleContext): Promise<void> {
  const find =
    `saga find --table ${HELD_FIRST} --status ${[...IN_PROGRESS].join(",")} --limit 1 --json`.split(" ");
  const areEnded = async () => {
    const { stdout, stderr } = await checkoutctl(context, find);
    if (stdout === "") throw new Error(`checkoutctl saga find failed: ${stderr}`);
    const { sagas }: { readonly sagas: readonly unknown[] } = JSON.parse(stdout);
    return sagas.length === 0;
  };
  await waitUntil("no saga of table 2 is in progress", areEnded, {
    timeoutMs: NONE_HELD_WITHIN_MS,
    intervalMs: 500,
  });
}

/** The auditor's violations, once the system is idle. */
export async function auditOf(context: RoleContext, journal: string): Promise<readonly string[]> {
  const audit = ["audit", "--json", "--journal", journal, "--expect-idle", IDLE_WITHIN];
  const { stdout, stderr } = await checkoutctl(context, audit);
  if (stdout === "") return [`the audit failed: ${stderr}`];
  return auditViolations(stdout);
}

async function checkoutctl(context: RoleContext, args: readonly string[]) {
  const child = Bun.spawn([join(DIST, "checkoutctl"), ...args], {
    env: cleanEnvironment(operatorEnvironment(context)),
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { stdout, stderr };
}
