// The scripts of a small program, completed by a real bash.
import { expect, test } from "bun:test";
import { Command, Option } from "@commander-js/extra-typings";
import { REPOSITORY } from "../../internal/stack/paths.ts";
import { completionScript } from "./completion.ts";

const ls = new Command("ls")
  .description("list sagas")
  .addOption(new Option("--status <status>", "only these").choices(["COMPLETED", "COMPENSATED"]))
  .option("--limit <count>", "at most")
  .option("--json", "print JSON");
const program = new Command("shopctl")
  .addCommand(new Command("saga").description("it's sagas").addCommand(ls).addCommand(new Command("show")))
  .addCommand(new Command("top"));

/** What bash offers for this command line, the cursor at its end. */
function offered(line: string): string[] {
  const words = line.split(" ");
  const script = `${completionScript("bash", program)}
COMP_WORDS=(${words.map((word) => `"${word}"`).join(" ")}); COMP_CWORD=${words.length - 1}
_shopctl; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout, stderr } = Bun.spawnSync(["bash", "--norc", "-c", script], { cwd: REPOSITORY });
  expect(String(stderr)).toBe("");
  return String(stdout).split("\n").filter(Boolean);
}

test.each([
  ["shopctl ", ["saga", "top"]],
  ["shopctl s", ["saga"]],
  ["shopctl saga ", ["ls", "show"]],
  ["shopctl saga ls --", ["--status", "--limit", "--json", "--help"]],
  ["shopctl saga ls --st", ["--status"]],
  ["shopctl saga ls --status ", ["COMPLETED", "COMPENSATED"]],
  ["shopctl saga ls --status COMPE", ["COMPENSATED"]],
  ["shopctl saga ls --status COMPLETED --l", ["--limit"]],
  // The value of an option is no subcommand.
  ["shopctl saga ls --limit show --j", ["--json"]],
  ["shopctl top --", ["--help"]],
  // Where no subcommand can follow, and for the value of an option: files.
  ["shopctl saga show package.js", ["package.json"]],
  ["shopctl saga ls --limit package.js", ["package.json"]],
])("bash completes %p", (line, expected) => {
  expect(offered(line)).toEqual(expected);
});

test("the script of fish has every command and option, with their words quoted", () => {
  const lines = completionScript("fish", program).split("\n");
  expect(lines).toContain(
    `complete -c shopctl -f -n 'not __fish_seen_subcommand_from saga top' -a saga -d 'it\\'s sagas'`,
  );
  expect(lines).toContain(
    `complete -c shopctl -n '__fish_seen_subcommand_from saga; and __fish_seen_subcommand_from ls' -l status -x -a 'COMPLETED COMPENSATED' -d 'only these'`,
  );
});

test("the script of zsh is bash's, through zsh's own bridge", () => {
  expect(completionScript("zsh", program)).toStartWith(
    "#compdef shopctl\nautoload -U +X bashcompinit && bashcompinit\n_shopctl_node() {",
  );
});
