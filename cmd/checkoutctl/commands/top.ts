// `checkoutctl top`: the overview, refreshed every second. Without a terminal it prints one snapshot.
import { collectOverview } from "../../../internal/operations/overview.ts";
import type { Overview } from "../../../schemas/overview.ts";
import { command, print } from "../command.ts";
import { EXIT, exitNow } from "../exit.ts";
import { OpenSources } from "../overview-sources.ts";
import { loadSettings } from "../settings.ts";
import { screenOf } from "../top-screen.ts";

const REFRESH_MS = 1_000;
/** The terminal's second screen, without cursor; leaving it brings the first one back as it was. */
const ENTER = "\u001b[?1049h\u001b[?25l";
const LEAVE = "\u001b[?25h\u001b[?1049l";
const HOME = "\u001b[H";
const CLEAR_LINE = "\u001b[K";
const CLEAR_BELOW = "\u001b[J";

const HELP = `
Shows checkouts, money at risk, outboxes, topics with the lag of each group, dead letters, mails and roles. A source that does not answer
reads "unknown since", with the reason. Rates of topics and the CPU of roles need two readings. On a terminal: q or Ctrl-C ends it.
Without a terminal, and with --json, it prints one snapshot. OPS_URLS has the addresses of the roles.`;

export const topCommand = command("top", "watch checkouts, money, queues and roles, refreshed every second")
  .addHelpText("after", HELP)
  .action(async (options) => {
    const { sources } = new OpenSources(loadSettings(options.stack));
    if (options.json === true || !process.stdout.isTTY || !process.stdin.isTTY) {
      const overview = await collectOverview(sources);
      print(options, overview, () => screenOf(overview, null));
    } else {
      await watch((before) => collectOverview(sources, before));
    }
    await exitNow(EXIT.ok);
  });

async function watch(collect: (before?: Overview) => Promise<Overview>): Promise<void> {
  const ended = untilQuit();
  process.stdout.write(ENTER);
  try {
    for (let before: Overview | undefined; ;) {
      const overview = await Promise.race([collect(before), ended]);
      if (overview === undefined) return;
      process.stdout.write(frameOf(screenOf(overview, before ?? null)));
      before = overview;
      const pause = Bun.sleep(REFRESH_MS).then(() => "next" as const);
      if ((await Promise.race([pause, ended])) === undefined) return;
    }
  } finally {
    process.stdout.write(LEAVE);
    process.stdin.setRawMode(false);
  }
}

/** Resolves when the user presses q or Ctrl-C. */
function untilQuit(): Promise<undefined> {
  const quit = Promise.withResolvers<undefined>();
  process.stdin.setRawMode(true);
  process.stdin.on("data", (keys: Buffer) => {
    if (["q", "Q", "\u0003"].some((key) => keys.toString().includes(key))) quit.resolve(undefined);
  });
  process.once("SIGTERM", () => quit.resolve(undefined));
  return quit.promise;
}

/** Each line overwrites the old one, so that nothing flickers; what does not fit the terminal is cut. */
function frameOf(text: string): string {
  const { columns, rows } = process.stdout;
  const lines = `${text}\n\nq: quit`.split("\n").slice(0, rows);
  return HOME + lines.map((line) => line.slice(0, columns) + CLEAR_LINE).join("\r\n") + CLEAR_BELOW;
}
