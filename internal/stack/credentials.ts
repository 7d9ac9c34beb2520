// Hands secrets to the processes of the stack as in production: as files, not in their environment, which /proc shows. Called by
// roles.ts for every role and for checkoutctl.
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { SECRET_NAMES } from "../platform/misspelt.ts";
import { CREDENTIALS_DIRECTORY, credentialOf } from "../platform/secret-files.ts";

type Settings = Readonly<Record<string, string>>;

export interface SeparateSecrets {
  /** The settings that are no secrets, and where the secrets are. */
  readonly env: Settings;
  /** Writes the files. Must run before the process starts. */
  readonly write: () => void;
}

/** `folder` belongs to this process alone. */
export function separateSecrets(settings: Settings, folder: string): SeparateSecrets {
  const isSecret = ([name]: readonly [string, string]) => SECRET_NAMES.includes(name);
  const all = Object.entries(settings);
  const secrets = all.filter(isSecret);
  const open = all.filter((setting) => !isSecret(setting));
  return {
    env: { ...Object.fromEntries(open), [CREDENTIALS_DIRECTORY]: folder },
    write() {
      // A secret that the process no longer has must not stay.
      rmSync(folder, { recursive: true, force: true });
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      for (const [name, value] of secrets)
        if (value !== "") writeFileSync(join(folder, credentialOf(name)), value, { mode: 0o600 });
    },
  };
}
