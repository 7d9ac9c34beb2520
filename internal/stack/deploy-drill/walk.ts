// Walks docs/deploy.md on three machines, with its own commands: from the packages to a first audited checkout. Where the page leaves
// something to the operator (an address, which machine), what is put in is said here. Called by main.ts.
import { cpSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { REPOSITORY } from "../paths.ts";
import { waitUntil } from "../wait.ts";
import type { Booted } from "./machine.ts";
import { blocksUnder, blockWith, changed } from "./page.ts";
import type { Servers } from "./servers.ts";
import { addressRules, watchdog } from "./units.ts";

const READY_TIMEOUT_MS = 180_000;
const SETTLE_TIMEOUT_MS = 60_000;

/** The operator's shell on Postgres' machine: which server psql means, and as whom. */
const AS_SUPERUSER = (address: string) => `export PGHOST=${address} PGUSER=checkout PGDATABASE=postgres; `;
const SETTINGS = "set -a; . /etc/checkout/common.env; . /etc/checkout/checkoutctl.env; set +a; ";

export interface Walk {
  readonly machines: readonly Booted[];
  readonly servers: Servers;
  /** The folder of the release. */
  readonly release: string;
  readonly report: (line: string) => void;
}

export async function walk(context: Walk): Promise<void> {
  const { machines, report } = context;
  const [first] = machines;
  if (first === undefined) throw new Error("no machine");
  const page = readFileSync(join(REPOSITORY, "docs/deploy.md"), "utf8");
  await install(context, page);
  await configure(first, page, report);
  await spread(machines, page, report);
  const [schema = ""] = blocksUnder(page, "4. Schema");
  // The roles do not run yet, so `doctor` finds something.
  const prepared = await first.sh(changed(schema, "checkoutctl doctor", "checkoutctl doctor || true"));
  report(`schema and topics are made; doctor, before the start: ${lastLine(prepared)}`);
  await startRoles(machines, page, report);
  await buy(context, first, page);
  const last = machines.at(-1) ?? first;
  report(await addressRules(first, last, "checkout-order"));
  report(await watchdog(last, "checkout-order"));
}

/** Step 1 on each. */
async function install({ machines, release, report }: Walk, page: string): Promise<void> {
  const [commands = ""] = blocksUnder(page, "1. Install");
  await Promise.all(
    machines.map(async (machine) => {
      const folder = join(machine.root, "root/packages");
      mkdirSync(folder);
      cpSync(release, folder, {
        recursive: true,
        filter: (file) => !/\.json$|\/checkout[a-z-]*$/.test(file),
      });
      await machine.sh(`cd packages; ${commands}`);
    }),
  );
  await machines[0]?.sh("cd packages; apt-get install ./checkout-paysim_*.deb");
  report("the packages are installed on a, b and c");
}

/** Steps 2 and 3 on the first: the simulator, and no identity provider. */
async function configure(machine: Booted, page: string, report: Walk["report"]): Promise<void> {
  const [databases = ""] = blocksUnder(page, "2. Databases");
  await machine.sh(`useradd --system postgres; ${AS_SUPERUSER(machine.address)}${databases}`);
  const secrets = blocksUnder(page, "3. Secrets");
  const three = blocksUnder(page, "Three machines");
  const commands = [
    blockWith(secrets, "TRUSTED_CALLERS_JWKS"),
    blockWith(secrets, "PAYSIM_URL"),
    blockWith(secrets, "jwt_hs256_secret"),
    blockWith(secrets, "shred"),
    blockWith(three, "KAFKA_BROKERS=a:9092"),
    blockWith(three, "WEBHOOK_URL"),
  ];
  await machine.sh(commands.join("\n"));
  report("databases, secrets and addresses are made on a");
}

/** The settings on all, and on each its own address. */
async function spread(machines: readonly Booted[], page: string, report: Walk["report"]): Promise<void> {
  const three = blocksUnder(page, "Three machines");
  const [first, ...others] = machines;
  const copy = blockWith(three, "ssh root@$machine");
  // The machines of the drill have no ssh between them; what it would carry goes through a file.
  const packed = changed(
    changed(copy, "| ssh root@$machine tar -C /etc/checkout -xpf -", "> /root/settings-$machine.tar"),
    "for machine in b c",
    `for machine in ${others.map(({ name }) => name).join(" ")}`,
  );
  await first?.sh(packed);
  const own = blockWith(three, "here=10.0.0.1");
  for (const machine of machines) {
    if (machine !== first) {
      const file = `root/settings-${machine.name}.tar`;
      cpSync(join(first?.root ?? "", file), join(machine.root, file));
      await machine.sh(`tar -C /etc/checkout -xpf /${file}; rm /${file}`);
    }
    await machine.sh(changed(own, "here=10.0.0.1", `here=${machine.address}`));
  }
  report("the settings are the same on a, b and c, but for the address of each");
}

/** Step 5 on each; simulator and console on the first only. */
async function startRoles(machines: readonly Booted[], page: string, report: Walk["report"]): Promise<void> {
  const [commands = ""] = blocksUnder(page, "5. Start");
  const settled = changed(commands, "checkoutctl doctor ", "true ");
  const begun = performance.now();
  for (const [index, machine] of machines.entries()) {
    const there =
      index === 0
        ? settled
        : changed(changed(settled, " console;", ";"), "systemctl enable --now checkout-paysim", "true");
    await machine.sh(there);
  }
  const states = "systemctl show --property=ActiveState --value 'checkout-*.service'";
  const isReady = async () => {
    const answers = await Promise.all(machines.map((machine) => machine.sh(states)));
    return answers.every((answer) => answer.split("\n").every((state) => state === "" || state === "active"));
  };
  await waitUntil("all units are active", isReady, { timeoutMs: READY_TIMEOUT_MS, intervalMs: 1_000 });
  const counts = await Promise.all(
    machines.map((machine) =>
      machine.sh("systemctl list-units --no-legend --state=active 'checkout-*.service' | wc -l"),
    ),
  );
  const seconds = ((performance.now() - begun) / 1_000).toFixed(0);
  report(
    `active units on a, b, c: ${counts.map((count) => count.trim()).join(", ")}, after ${seconds} s (Type=notify: each said READY)`,
  );
}

/** Step 6 on the first. */
async function buy({ machines, servers, report }: Walk, first: Booted, page: string): Promise<void> {
  report(`doctor: ${lastLine(await first.sh(`${SETTINGS}checkoutctl doctor`))}`);
  const [commands = ""] = blocksUnder(page, "6. A first");
  const isDone =
    "for i in $(seq 60); do checkoutctl saga ls | grep -q COMPLETED && break; sleep 0.5; done\ncheckoutctl saga ls";
  const answer = await first.sh(`${SETTINGS}${changed(commands, "checkoutctl saga ls", isDone)}`);
  report(`the first checkout and its audit:\n${indented(answer)}`);
  if (!/COMPLETED/.test(answer)) throw new Error("the checkout did not complete");
  await waitUntil("the shopper has a mail", async () => (await servers.mails()) > 0, {
    timeoutMs: SETTLE_TIMEOUT_MS,
  });
  for (const machine of machines.slice(1)) {
    const status = await machine.sh(
      `curl -sS -o /dev/null -w '%{http_code}' http://${machine.address}:8080/`,
    );
    report(`the shop's page from ${machine.name}: ${status}`);
    if (status.trim() !== "200") throw new Error(`the shop of ${machine.name} answered ${status}`);
  }
}

function lastLine(text: string): string {
  return text.trimEnd().split("\n").at(-1) ?? "";
}

function indented(text: string): string {
  return text.trimEnd().replaceAll(/^/gm, "        ");
}
