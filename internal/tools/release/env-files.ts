// The files with settings that the packages install: every setting of a role with its meaning, required ones first, with values that
// fit one machine. Secrets are not in them: each has a file of its own, which the list at the end names. Called by debian.ts.
import { type TObject, Type } from "@sinclair/typebox";
import { Environment } from "../../../cmd/checkoutctl/settings.ts";
import { type SettingInWords, settingsOf } from "../../platform/config.ts";
import { credentialOf } from "../../platform/secret-files.ts";
import { CONFIGS } from "../references.ts";
import {
  envFile,
  localSettings,
  OPERATOR_SETTINGS,
  PACKAGED_ROLES,
  type PackagedRole,
  secretsFolder,
  SHARED_OPTIONS,
  SHARED_SETTINGS,
} from "./packaged-roles.ts";

/** The unit sets it. */
const OF_THE_UNIT: ReadonlySet<string> = new Set(["INSTANCE_ID"]);
const SHARED: ReadonlySet<string> = new Set([...Object.keys(SHARED_SETTINGS), ...SHARED_OPTIONS]);
const WIDTH = 118;

/** What all roles of a machine share. */
export function commonEnvFile(): string {
  // The last entry of a name counts. It is the one of the role that comes first: the console, which comes late, words some of them
  // for itself.
  const all = PACKAGED_ROLES.toReversed().flatMap(({ role }) => Object.entries(CONFIGS[role].properties));
  return envText({
    title: "Settings that the roles of this machine share. A role's own file comes after it, and wins.",
    schema: Type.Object(Object.fromEntries(all.filter(([name]) => SHARED.has(name)))),
    values: SHARED_SETTINGS,
  });
}

export function roleEnvFile(packaged: PackagedRole): string {
  const { role } = packaged;
  const own = Object.entries(CONFIGS[role].properties).filter(([name]) => !SHARED.has(name));
  const folder = secretsFolder(role);
  return envText({
    title: `Settings of checkout-${role}, after those of ${envFile("common")}. After a change: systemctl restart checkout-${role}`,
    schema: Type.Object(Object.fromEntries(own)),
    values: localSettings(packaged),
    secretsFolder: folder,
  });
}

/** checkoutctl runs in a person's shell, not under a unit. */
export function operatorEnvFile(): string {
  const own = Object.entries(Environment.properties).filter(([name]) => !SHARED.has(name));
  const folder = secretsFolder("checkoutctl");
  const text = envText({
    title: `Settings of checkoutctl for a shell: set -a; . ${envFile("common")}; . ${envFile("checkoutctl")}; set +a`,
    schema: Type.Partial(Type.Object(Object.fromEntries(own))),
    values: OPERATOR_SETTINGS,
    secretsFolder: folder,
  });
  return `${text}\nCREDENTIALS_DIRECTORY=${folder}\n`;
}

interface EnvText {
  readonly title: string;
  readonly schema: TObject;
  readonly values: Readonly<Record<string, string>>;
  /** Without it no secrets are listed. */
  readonly secretsFolder?: string;
}

function envText({ title, schema, values, secretsFolder: folder }: EnvText): string {
  const settings = settingsOf(schema).filter(({ name }) => !OF_THE_UNIT.has(name));
  const open = settings.filter(({ isSecret }) => !isSecret);
  const isActive = ({ name, isRequired }: SettingInWords) => isRequired || values[name] !== undefined;
  const lines = [
    ...wrapped(title),
    "# The values are those of one machine with all roles. Quote a value with blanks or quotes in it: NAME='...'",
    "",
    ...open
      .filter(isActive)
      .flatMap((setting) => entry(setting, `${setting.name}=${values[setting.name] ?? ""}`)),
    "# --- The others, with their defaults",
    "",
    ...open
      .filter((setting) => !isActive(setting))
      .flatMap((setting) => entry(setting, `#${setting.name}=${setting.fallback ?? ""}`)),
    ...(folder === undefined ? [] : secretLines(settings, folder)),
  ];
  return `${lines.join("\n").trimEnd()}\n`;
}

function secretLines(settings: readonly SettingInWords[], folder: string): readonly string[] {
  const secrets = settings.filter(({ isSecret }) => isSecret);
  const example = secrets.find(({ isRequired }) => isRequired) ?? secrets[0];
  if (example === undefined) return ["# --- Secrets: none"];
  return [
    "# --- Secrets",
    "#",
    ...wrapped(
      `Each has a file of its own in ${folder}, owned by root: the value and nothing else; a newline at its end does not count. For example: umask 077; cat > ${folder}/${credentialOf(example.name)}`,
    ),
    "#",
    ...secrets.flatMap(({ name, description, isRequired }) =>
      wrapped(`${credentialOf(name)}${isRequired ? " (required)" : ""}: ${description}`, "# - ", "#   "),
    ),
  ];
}

function entry({ description, value, isRequired }: SettingInWords, line: string): readonly string[] {
  const need = isRequired ? "Required: " : "";
  return [...wrapped(`${need}${description} (${value})`), line, ""];
}

/** Lines of at most WIDTH characters, broken at blanks. */
function wrapped(text: string, first = "# ", others = first): readonly string[] {
  const lines: string[] = [];
  let line = first;
  for (const word of text.split(" ")) {
    const isFirst = line === first || line === others;
    if (!isFirst && line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = others;
    }
    line += line === first || line === others ? word : ` ${word}`;
  }
  return [...lines, line];
}
