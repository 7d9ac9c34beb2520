// `checkoutctl completion`: prints a script that completes commands, options and their choices in a shell.
import { Argument, Command } from "@commander-js/extra-typings";
import { completionScript, SHELLS } from "../completion.ts";

const HELP = `
bash: checkoutctl completion bash > /etc/bash_completion.d/checkoutctl
zsh:  checkoutctl completion zsh > "\${fpath[1]}/_checkoutctl"
fish: checkoutctl completion fish > ~/.config/fish/completions/checkoutctl.fish`;

/** A function, because the script is made of the whole tree of commands. Prints a script, so it has no --json. */
export const completionCommand = new Command("completion")
  .description("print a script that completes commands and options in your shell")
  .exitOverride()
  .addArgument(new Argument("<shell>", "the shell").choices(SHELLS))
  .addHelpText("after", HELP)
  .action((shell, _, self) => {
    if (self.parent !== null) process.stdout.write(completionScript(shell, self.parent));
  });
