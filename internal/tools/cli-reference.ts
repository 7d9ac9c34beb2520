// Generates docs/cli.md from the commands of checkoutctl and the schemas of what they print, so that it always matches the code. Run by
// `bun run references`; a test fails if it is stale.
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import type { TSchema } from "@sinclair/typebox";
import { wholeProgram } from "../../cmd/checkoutctl/program.ts";
import { CLI_OUTPUTS } from "../../schemas/cli.ts";
import { code, table } from "./markdown.ts";

const OPTION_HEAD = ["option", "meaning", "default"];

/** The content of docs/cli.md, ending with a newline. */
export async function cliDocument(): Promise<string> {
  const program = await wholeProgram();
  return `# checkoutctl

<!-- Generated from cmd/checkoutctl and schemas/cli.ts by \`bun run references\`. Do not edit. -->

The operator's tool. \`checkoutctl --help\` lists the commands, \`checkoutctl COMMAND --help\` explains one; the [runbook](runbook.md) says
when to use which, [settings.md](settings.md) has the settings. Results go to stdout; progress, warnings and errors to stderr. With \`--json\`
a command prints one JSON document of the form given here, as a TypeScript type; fields are added, never removed. With \`--stack [directory]\`,
which stands after the command, it takes all settings from a local stack.

Exit codes: 0 done, 1 \`doctor\` found a problem or could check nothing (or a bug of this program, which stderr describes), 2 usage, 3 refused or
violations found, 4 a server does not answer, 78 configuration, 130 interrupted.

${leavesOf(program, []).map(sectionOf).join("\n\n")}
`;
}

interface Leaf {
  readonly path: string;
  readonly command: CommandUnknownOpts;
}

function leavesOf(command: CommandUnknownOpts, path: readonly string[]): readonly Leaf[] {
  if (command.commands.length === 0) return [{ path: path.join(" "), command }];
  return command.commands.flatMap((one) => leavesOf(one, [...path, one.name()]));
}

function sectionOf({ path, command }: Leaf): string {
  const operands = command.registeredArguments.map((one) =>
    one.required ? ` <${one.name()}>` : ` [${one.name()}]`,
  );
  const own = command.options.filter(({ long }) => long !== "--json" && long !== "--stack");
  const rows = own.map(
    ({ flags, description, mandatory, argChoices, defaultValue, defaultValueDescription }) => [
      code(flags),
      [description, ...(argChoices === undefined ? [] : [`one of ${argChoices.join(", ")}`])].join("; "),
      mandatory ? "required" : defaultText(defaultValue, defaultValueDescription),
    ],
  );
  const output = CLI_OUTPUTS[path];
  return [
    `## ${path}`,
    `\`checkoutctl ${path}${operands.join("")}\`: ${command.description()}.`,
    ...command.registeredArguments.map((one) => `- \`${one.name()}\`: ${one.description}`),
    ...(rows.length === 0 ? [] : [table(OPTION_HEAD, rows)]),
    ...(output === undefined ? [] : [`\`\`\`text\n${typeText(output, "")}\n\`\`\``]),
  ].join("\n\n");
}

function defaultText(value: unknown, description: string | undefined): string {
  // The login of whoever generates this page is not part of it.
  if (description?.startsWith("your login") === true) return "your login";
  if (description !== undefined) return code(description);
  return typeof value === "string" || typeof value === "number" ? (value === "" ? "" : code(`${value}`)) : "";
}

/** The schema as a TypeScript type. */
function typeText(schema: TSchema, indent: string): string {
  const inner = `${indent}  `;
  if (Array.isArray(schema["anyOf"])) {
    const members: readonly TSchema[] = schema["anyOf"];
    return members.map((one) => typeText(one, indent)).join(" | ");
  }
  if ("const" in schema) return JSON.stringify(schema["const"]);
  switch (schema["type"]) {
    case "array":
      return `Array<${typeText(schema["items"], indent)}>`;
    case "object":
      return "properties" in schema
        ? `{\n${fieldsText(schema, inner)}\n${indent}}`
        : `{ [name: string]: ${typeText(Object.values<TSchema>(schema["patternProperties"])[0] ?? schema, indent)} }`;
    case "integer":
      return "number";
    case "string":
    case "number":
    case "boolean":
    case "null":
      return schema["type"];
    default:
      return "unknown";
  }
}

function fieldsText(schema: TSchema, indent: string): string {
  const required: readonly string[] = schema["required"] ?? [];
  return Object.entries<TSchema>(schema["properties"])
    .map(([name, field]) => {
      const note = field.description === undefined ? "" : ` // ${field.description}`;
      return `${indent}${name}${required.includes(name) ? "" : "?"}: ${typeText(field, indent)};${note}`;
    })
    .join("\n");
}
