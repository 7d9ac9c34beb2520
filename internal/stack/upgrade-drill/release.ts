// The two releases of the drill, old and new: their binaries, and how the stack of each release starts them. Each process gets the
// settings that its own release has, so an old binary runs as it did before the upgrade.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { REPOSITORY } from "../paths.ts";
import type { Role, RoleOverrides } from "../role-env.ts";

/** The modules that say how a release starts its roles. Their interfaces have only grown since 0.1.0. */
interface StackModules {
  readonly roles: Pick<typeof import("../roles.ts"), "roleProcess" | "migrate" | "createTopics">;
  readonly settings: Pick<typeof import("../../platform/misspelt.ts"), "SETTING_NAMES">;
}

export interface Release {
  readonly name: "old" | "new";
  readonly roles: StackModules["roles"];
  knows(setting: string): boolean;
  /** Whether this release has the message; a shopper of the drill asks for nothing that a release does not know. */
  sends(message: string): boolean;
  has(role: Role): boolean;
  readonly overrides: RoleOverrides;
}

/** `folder`: a checkout of the repository with its binaries in dist/. */
export async function openRelease(
  name: Release["name"],
  folder = REPOSITORY,
  overrides: RoleOverrides = {},
): Promise<Release> {
  const roles: StackModules["roles"] = await import(join(folder, "internal/stack/roles.ts"));
  const settings: StackModules["settings"] = await import(join(folder, "internal/platform/misspelt.ts"));
  const contracts = new Set(
    Object.keys(JSON.parse(readFileSync(join(folder, "schemas/snapshot.json"), "utf8"))),
  );
  return {
    name,
    roles,
    knows: (setting) => settings.SETTING_NAMES.includes(setting),
    overrides,
    sends: (message) => contracts.has(`message ${message}`),
    has: (role) => existsSync(join(folder, "dist", `checkout-${role}`)),
  };
}

/** Roles with an internal API. */
const SERVICES = ["orchestrator", "inventory", "payment", "order"] as const;
const UPGRADE_MS = 3_600_000;

/**
 * What an operator sets on the new release for the time of the upgrade: gateways of before 2026-11-29 have no token for the services
 * (docs/runbook.md, "Upgrade from a version without tokens").
 */
export function settingsOfUpgrade(old: Release): RoleOverrides {
  if (old.knows("GATEWAY_PRIVATE_JWK")) return {};
  const until = new Date(Date.now() + UPGRADE_MS).toISOString();
  return Object.fromEntries(SERVICES.map((role) => [role, { UNSIGNED_GATEWAY_UNTIL: until }]));
}
