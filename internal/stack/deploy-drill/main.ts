// `bun run deploy:drill`: three fresh Debian machines on this one, booted with systemd, each in a network of its own; on them the commands of
// docs/deploy.md, from the packages to a first audited checkout. Exit 0: it went through; 1: it did not; 2: something is missing here.
import { Command, Option } from "@commander-js/extra-typings";
import { existsSync, mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { describeError } from "../../kernel/errors.ts";
import { newDataDirectory } from "../../testkit/data-directory.ts";
import { DIST } from "../paths.ts";
import { sayElapsed } from "../say-elapsed.ts";
import { Booted, debianRoot, MACHINES, openNetworks } from "./machine.ts";
import { startServers } from "./servers.ts";
import { walk } from "./walk.ts";

const EXIT_MISSING = 2;
const PROGRAMS = ["debootstrap", "systemd-nspawn", "nsenter", "ip", "curl"];

const { release, keep } = new Command("deploy:drill")
  .description(
    "Follows docs/deploy.md on three fresh Debian machines: from packages to a first audited checkout.",
  )
  .addOption(new Option("--release <folder>", "the packages (default: the newest in dist/release)"))
  .option("--keep", "leave the machines running until Ctrl-C, and say how to enter them")
  .parse()
  .opts();

function missing(what: string): never {
  console.error(what);
  process.exit(EXIT_MISSING);
}

/** The newest folder that `bun run release` has made. */
function newestRelease(): string {
  const folder = join(DIST, "release");
  const names = existsSync(folder) ? readdirSync(folder).filter((name) => !name.startsWith(".")) : [];
  const [newest] = names
    .map((name) => join(folder, name))
    .toSorted((one, other) => statSync(other).mtimeMs - statSync(one).mtimeMs);
  return newest ?? missing("there are no packages in dist/release: bun run release");
}

if (process.getuid?.() !== 0) missing("only root may boot machines");
const absent = PROGRAMS.filter((program) => Bun.which(program) === null);
if (absent.length > 0)
  missing(`${absent.join(", ")}: apt-get install debootstrap systemd-container util-linux iproute2 curl`);
const packages = release ?? newestRelease();

const report = sayElapsed();
// Programs are run from it, and an overlay on memory would not survive a large package.
const folder = newDataDirectory("deploy-drill", "on disk");
const held = new AsyncDisposableStack();
held.defer(() => rmSync(folder, { recursive: true, force: true }));
const end = async (code: number) => {
  await held.disposeAsync().catch((error: unknown) => console.error(describeError(error)));
  process.exit(code);
};
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => void end(130));

try {
  report(`packages: ${packages}`);
  const base = await debianRoot(join(folder, "debootstrap.log"));
  held.use(await openNetworks());
  const machines: Booted[] = [];
  for (const name of MACHINES) machines.push(held.use(await Booted.boot(name, base, folder)));
  report("three machines have booted with systemd");
  mkdirSync(join(folder, "servers"), { mode: 0o711 });
  const servers = held.use(await startServers(machines, join(folder, "servers")));
  report("Kafka on a, b, c; Postgres on a with a synchronous standby on b; Redis on a; mail on each");
  await walk({ machines, servers, release: packages, report });
  report("from packages to a first audited checkout on three machines: it went through");
  if (keep === true) {
    for (const machine of machines) report(`${machine.name}: ${machine.enter()}`);
    await new Promise(() => {});
  }
  await end(0);
} catch (error) {
  console.error(`the drill broke off: ${describeError(error)}`);
  if (keep === true) await new Promise(() => {});
  await end(1);
}
