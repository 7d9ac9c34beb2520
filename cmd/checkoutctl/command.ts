// Shared by all checkoutctl commands: common options, argument parsers with clear errors, and printing.
import { timestampOf } from "../../internal/kernel/timestamp.ts";
import { Command, InvalidArgumentError, Option } from "@commander-js/extra-typings";
import { CommanderError, Help } from "commander";
import { AppError } from "../../internal/kernel/errors.ts";
import { moneyText } from "../../internal/kernel/money.ts";
import type { Missing } from "../../internal/operations/reach.ts";
import { Reason } from "../../schemas/fields.ts";
import { LateCheck } from "../../schemas/late-check.ts";
import { EXIT } from "./exit.ts";

export { table } from "./table.ts";

const help = new Help();

/** A command that talks to the system. It has `--json` and `--stack`. */
export function command(name: string, summary: string) {
  const made = jsonCommand(name, summary).option(
    "--stack [directory]",
    "take all settings from a local stack (default: the one in .stack)",
  );
  return made.configureOutput({
    outputError(text, write) {
      const { stack } = made.opts();
      write(text);
      if (typeof stack === "string" && text.includes("missing required argument"))
        write(`--stack has taken ${stack} as its directory: write it after the arguments\n`);
    },
  });
}

/** A command with `--json`. Usage errors are thrown, so that only main.ts sets the exit code. */
export function jsonCommand(name: string, summary: string) {
  return new Command(name)
    .description(summary)
    .exitOverride()
    .configureHelp({
      optionDescription: (option) => help.optionDescription(option) + (option.mandatory ? " (required)" : ""),
    })
    .option("--json", "print one JSON document instead of text");
}

/** A command that changes something by hand. The reason goes into the audit trail, with who did it (`actorOf` in operator.ts). */
export function operatorCommand(name: string, summary: string) {
  return command(name, summary).requiredOption("--reason <text>", "why, for the audit trail", auditText);
}

/** Where a reason is welcome and not required: nobody should look for words before stopping something. */
export function reasonOption() {
  return new Option("--reason <text>", "why, for the audit trail").argParser(auditText);
}

/** Options that do not go together: exit 2, as for any wrong command line. */
export function wrongUsage(what: string): never {
  process.stderr.write(`error: ${what}\n`);
  throw new CommanderError(EXIT.usage, "checkoutctl.usage", what);
}

/** An option with one of these values, in upper or lower case. */
export function statusOption<const Status extends string>(statuses: readonly Status[], what: string) {
  return new Option("--status <status>", what).choices(statuses).argParser((text: string): Status => {
    const found = statuses.find((status) => status === text.toUpperCase());
    if (found === undefined) throw new InvalidArgumentError(`Allowed choices are ${statuses.join(", ")}.`);
    return found;
  });
}

/** An option for a duration; its default is given as a user would type it. */
export function durationOption<const Flags extends string>(flags: Flags, what: string, preset: string) {
  return durationFlag(flags, what).default(duration(preset), preset);
}

/** Without a default. */
export function durationFlag<const Flags extends string>(flags: Flags, what: string) {
  return new Option(flags, what).argParser(duration);
}

const reason = new LateCheck(Reason);

function auditText(text: string): string {
  if (!reason.Check(text))
    throw new InvalidArgumentError(`It must be one line of 1 to ${Reason.maxLength} characters.`);
  return text;
}

/** A command that only groups subcommands. */
export function group(name: string, summary: string) {
  return new Command(name).description(summary).exitOverride();
}

export function uuid(text: string): string {
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text)) {
    throw new InvalidArgumentError("It must be a UUID in lower case.");
  }
  return text;
}

export function count(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value) || value < 1) {
    throw new InvalidArgumentError("It must be a whole number of at least 1.");
  }
  return value;
}

const UNIT_SECONDS = new Map([
  ["s", 1],
  ["m", 60],
  ["h", 3_600],
  ["d", 86_400],
]);

/** `90s`, `15m`, `8h`, `30d` as seconds. */
export function duration(text: string): number {
  const [, digits = "", unit = ""] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  const seconds = Number(digits) * (UNIT_SECONDS.get(unit) ?? 0);
  if (seconds === 0) throw new InvalidArgumentError("It must be a duration such as 90s, 15m, 8h or 30d.");
  return seconds;
}

/** Parses RFC 3339 with a time zone, or a duration ago, into epoch ms. */
export function moment(text: string): number {
  const at = /^\d{4}-\d\d-\d\dT.*(Z|[+-]\d\d:\d\d)$/.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(at)) return at;
  if (/^\d{1,6}[smhd]$/.test(text)) return Date.now() - duration(text) * 1_000;
  throw new InvalidArgumentError(
    "It must be a time such as 2026-11-23T12:00:00Z, or a duration ago such as 90s, 15m, 2h or 3d.",
  );
}

/** The text of a file, or of stdin for `-`. */
export async function readText(path: string): Promise<string> {
  if (path === "-") return Bun.stdin.text();
  const file = Bun.file(path);
  if (!(await file.exists())) throw new AppError("CONFIG_INVALID", `there is no file ${path}`);
  return file.text();
}

/** The bytes of a file, or of stdin for `-`. */
export async function byteStream(path: string): Promise<AsyncIterable<Uint8Array>> {
  if (path === "-") return Bun.stdin.stream();
  const file = Bun.file(path);
  if (!(await file.exists())) throw new AppError("CONFIG_INVALID", `there is no file ${path}`);
  return file.stream();
}

/** Aborts on Ctrl-C or SIGTERM, for commands that finish work in flight. A second one ends the process at once. */
export function whenInterrupted(): Disposable & { readonly signal: AbortSignal } {
  const controller = new AbortController();
  const abort = () => {
    stop();
    process.stderr.write("interrupted: finishing work in flight\n");
    controller.abort();
  };
  const stop = () => {
    process.off("SIGINT", abort);
    process.off("SIGTERM", abort);
  };
  process.on("SIGINT", abort);
  process.on("SIGTERM", abort);
  return { signal: controller.signal, [Symbol.dispose]: stop };
}

/** Says on stderr what an answer does not cover, and why. */
export function tellMissing(missing: readonly Missing[]): void {
  for (const one of missing)
    process.stderr.write(`checkoutctl: not looked at: ${one.database}: ${one.reason}\n`);
}

/** Prints `value` as JSON or as the text of `render`. Nothing else may write to stdout. */
export function print(
  options: { readonly json?: true | undefined },
  value: unknown,
  render: () => string,
): void {
  process.stdout.write(`${options.json ? JSON.stringify(value, null, 2) : render()}\n`);
}

/** `12.50 EUR`, `50000 JPY`; null stays null. */
export function money(cents: number | null, currency: string): string | null {
  return cents === null ? null : moneyText(cents, currency);
}

/** Milliseconds since the epoch as RFC 3339 in UTC; null stays null. */
export function instant(ms: number | null): string | null {
  return ms === null ? null : timestampOf(ms);
}
