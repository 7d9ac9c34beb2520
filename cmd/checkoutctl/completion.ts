// Pure: shell completion scripts, generated from the tree of commands, so that they always know every command and option. A library
// would need the binary at each press of the key; a script needs nothing.
import type { CommandUnknownOpts } from "@commander-js/extra-typings";

export const SHELLS = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof SHELLS)[number];

/** One command: its words after the program's name, and what may follow. */
interface Node {
  /** `saga ls`; empty for the program. */
  readonly path: string;
  readonly summary: string;
  readonly subcommands: readonly Node[];
  readonly options: readonly Flag[];
}

interface Flag {
  readonly long: string;
  readonly summary: string;
  readonly takesValue: boolean;
  readonly choices: readonly string[];
}

export function completionScript(shell: Shell, program: CommandUnknownOpts): string {
  const root = nodeOf(program, []);
  switch (shell) {
    case "bash":
      return bashScript(program.name(), root);
    case "zsh":
      return `#compdef ${program.name()}\nautoload -U +X bashcompinit && bashcompinit\n${bashScript(program.name(), root)}`;
    case "fish":
      return fishScript(program.name(), root);
    default:
      return shell satisfies never;
  }
}

function nodeOf(command: CommandUnknownOpts, path: readonly string[]): Node {
  return {
    path: path.join(" "),
    summary: command.description(),
    subcommands: command.commands.map((one) => nodeOf(one, [...path, one.name()])),
    options: [
      ...command.options
        .filter(({ long, hidden }) => long !== undefined && long !== null && !hidden)
        .map(({ long, description, required, optional, argChoices }) => ({
          long: long ?? "",
          summary: description,
          takesValue: required || optional,
          choices: argChoices ?? [],
        })),
      { long: "--help", summary: "display help for command", takesValue: false, choices: [] },
    ],
  };
}

function nodesOf(root: Node): readonly Node[] {
  return [root, ...root.subcommands.flatMap(nodesOf)];
}

/**
 * Walks the words before the cursor: a word that names a subcommand leads there, the value of an option is skipped. Then it offers
 * subcommands or options, the choices of an option, or files.
 */
function bashScript(program: string, root: Node): string {
  const nodes = nodesOf(root);
  const words = nodes.map(
    ({ path, subcommands, options }) =>
      `    "${path}") subs="${subcommands.map(({ path: sub }) => sub.split(" ").at(-1)).join(" ")}" opts="${options.map(({ long }) => long).join(" ")}" valued="${options
        .filter(({ takesValue }) => takesValue)
        .map(({ long }) => long)
        .join(" ")}" ;;`,
  );
  const choices = nodes.flatMap(({ path, options }) =>
    options
      .filter((option) => option.choices.length > 0)
      .map(({ long, choices: values }) => `    "${path} ${long}") choices="${values.join(" ")}" ;;`),
  );
  const name = `_${program.replaceAll(/\W/g, "_")}`;
  return `${name}_node() {
  case "$1" in
${words.join("\n")}
  esac
}
${name}_choices() {
  case "$1" in
${choices.join("\n")}
    *) choices="" ;;
  esac
}
${name}_files() {
  compopt -o filenames 2> /dev/null
  COMPREPLY=($(compgen -f -- "$current"))
}
${name}() {
  local current="\${COMP_WORDS[COMP_CWORD]}" path="" subs opts valued choices word i waits=""
  ${name}_node ""
  for ((i = 1; i < COMP_CWORD; i++)); do
    word="\${COMP_WORDS[i]}"
    if [[ -n "$waits" ]]; then waits=""; continue; fi
    if [[ "$word" == --* ]]; then
      [[ " $valued " == *" $word "* ]] && waits="$word"
    elif [[ " $subs " == *" $word "* ]]; then
      path="\${path:+$path }$word"
      ${name}_node "$path"
    fi
  done
  COMPREPLY=()
  if [[ -n "$waits" ]]; then
    ${name}_choices "$path $waits"
    if [[ -n "$choices" ]]; then COMPREPLY=($(compgen -W "$choices" -- "$current"))
    else ${name}_files; fi
  elif [[ "$current" == -* ]]; then
    COMPREPLY=($(compgen -W "$opts" -- "$current"))
  elif [[ -n "$subs" ]]; then
    COMPREPLY=($(compgen -W "$subs" -- "$current"))
  else
    ${name}_files
  fi
}
complete -F ${name} ${program}
`;
}

function fishScript(program: string, root: Node): string {
  const lines = nodesOf(root).flatMap(({ path, subcommands, options }) => {
    const seen = path === "" ? [] : path.split(" ").map((word) => `__fish_seen_subcommand_from ${word}`);
    const names = subcommands.map(({ path: sub }) => sub.split(" ").at(-1) ?? "");
    const condition = [
      ...seen,
      ...(names.length === 0 ? [] : [`not __fish_seen_subcommand_from ${names.join(" ")}`]),
    ].join("; and ");
    const when = condition === "" ? "" : ` -n ${quoted(condition)}`;
    return [
      ...subcommands.map(
        ({ summary }, index) => `complete -c ${program} -f${when} -a ${names[index]} -d ${quoted(summary)}`,
      ),
      ...options.map(({ long, summary, takesValue, choices }) => {
        const value = choices.length > 0 ? ` -x -a ${quoted(choices.join(" "))}` : takesValue ? " -r" : "";
        return `complete -c ${program}${when} -l ${long.slice(2)}${value} -d ${quoted(summary)}`;
      }),
    ];
  });
  return `${lines.join("\n")}\n`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
