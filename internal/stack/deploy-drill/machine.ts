// A Debian machine of the drill: a root of its own, booted by systemd-nspawn, in a network of its own. The three machines of a drill reach each
// other and this machine over a bridge, and nothing else. Needs root, debootstrap and systemd-nspawn.
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { runToEnd } from "../child.ts";
import { CACHE } from "../paths.ts";
import { waitUntil } from "../wait.ts";

const BRIDGE = "ckdrill";
const NETWORK = "10.77.0";
/** This machine's own address on the bridge. */
export const HOST_ADDRESS = `${NETWORK}.254`;
/** psql is for step 2 of the page; the rest is on every Debian machine that an operator can log in to. */
const PACKAGES = "systemd,systemd-sysv,dbus,adduser,curl,iproute2,ca-certificates,procps,postgresql-client";
const BOOT_TIMEOUT_MS = 60_000;

export interface Machine {
  readonly name: string;
  readonly address: string;
  /** Its files, seen from here. */
  readonly root: string;
  /** The name of its network, for `ip netns`. */
  readonly network: string;
}

export const MACHINES = ["a", "b", "c"] as const;

/** A fresh Debian 12, made once. Takes about a minute, and 300 MB. */
export async function debianRoot(logFile: string): Promise<string> {
  const root = join(CACHE, "debian-12-drill");
  if (existsSync(root)) return root;
  const unfinished = `${root}.${process.pid}`;
  const command = ["debootstrap", "--variant=minbase", `--include=${PACKAGES}`, "bookworm", unfinished];
  await runToEnd({ name: "debootstrap", command, logFile });
  renameSync(unfinished, root);
  return root;
}

/** The bridge and a network for each machine; removes what an interrupted drill has left. */
export async function openNetworks(): Promise<AsyncDisposable> {
  await closeNetworks();
  await Bun.$`ip link add ${BRIDGE} type bridge && ip addr add ${HOST_ADDRESS}/24 dev ${BRIDGE} && ip link set ${BRIDGE} up`;
  for (const [index, name] of MACHINES.entries()) {
    const network = networkOf(name);
    await Bun.$`ip netns add ${network}`;
    await Bun.$`ip link add ${network} type veth peer name host0 netns ${network}`;
    await Bun.$`ip link set ${network} master ${BRIDGE} up`;
    await Bun.$`ip -n ${network} addr add ${NETWORK}.${index + 1}/24 dev host0`;
    for (const device of ["host0", "lo"]) await Bun.$`ip -n ${network} link set ${device} up`;
  }
  return { [Symbol.asyncDispose]: closeNetworks };
}

async function closeNetworks(): Promise<void> {
  for (const name of MACHINES) {
    // Its end here goes at once; that of the network would go a moment later.
    await Bun.$`ip link del ${networkOf(name)}`.quiet().nothrow();
    await Bun.$`ip netns del ${networkOf(name)}`.quiet().nothrow();
  }
  await Bun.$`ip link del ${BRIDGE}`.quiet().nothrow();
}

const networkOf = (name: string) => `${BRIDGE}-${name}`;

/** A machine that has booted. */
export class Booted implements Machine, AsyncDisposable {
  readonly name: string;
  readonly address: string;
  readonly root: string;
  readonly network: string;
  readonly #folder: string;
  #nspawn: Bun.Subprocess | undefined;
  #init: number | undefined;

  private constructor(name: (typeof MACHINES)[number], folder: string) {
    this.name = name;
    this.address = `${NETWORK}.${MACHINES.indexOf(name) + 1}`;
    this.network = networkOf(name);
    this.#folder = join(folder, name);
    this.root = join(this.#folder, "root");
  }

  /** Boots it on a copy of `base`; what it writes is in `folder`. */
  static async boot(name: (typeof MACHINES)[number], base: string, folder: string): Promise<Booted> {
    const machine = new Booted(name, folder);
    try {
      await machine.#boot(base);
    } catch (error) {
      await machine[Symbol.asyncDispose]();
      throw error;
    }
    return machine;
  }

  async #boot(base: string): Promise<void> {
    const [upper, work] = [join(this.#folder, "written"), join(this.#folder, "work")];
    for (const path of [upper, work, this.root]) mkdirSync(path, { recursive: true });
    await Bun.$`mount -t overlay overlay -o lowerdir=${base},upperdir=${upper},workdir=${work} ${this.root}`;
    const names = MACHINES.map((name, index) => `${NETWORK}.${index + 1} ${name}\n`).join("");
    appendFileSync(join(this.root, "etc/hosts"), names);
    // debootstrap copies the name of the machine that it runs on, and consumers with one name would take each other's place.
    writeFileSync(join(this.root, "etc/hostname"), `${this.name}\n`);
    // A machine of the drill never loses power.
    appendFileSync(join(this.root, "etc/dpkg/dpkg.cfg.d/drill"), "force-unsafe-io\n");
    const log = Bun.file(join(this.#folder, "console.log"));
    const nspawn = Bun.spawn(
      ["unshare", "--mount", "bash", "-euc", BOOT, this.name, this.root, this.network],
      {
        stdio: ["ignore", log, log],
        detached: true,
      },
    );
    const isUp = async () => {
      this.#init ??= childOf(nspawn.pid);
      return (
        this.#init !== undefined &&
        /running|degraded/.test(await this.sh("systemctl is-system-running || true"))
      );
    };
    this.#nspawn = nspawn;
    const died = nspawn.exited.then((code) => {
      throw new Error(`machine ${this.name} ended with ${code}: ${this.#folder}/console.log`);
    });
    await waitUntil(`machine ${this.name} has booted`, isUp, {
      timeoutMs: BOOT_TIMEOUT_MS,
      intervalMs: 250,
      abort: died,
    });
    died.catch(() => undefined);
  }

  /** The command that enters it. */
  enter(): string {
    return this.#enter().join(" ");
  }

  #enter(): readonly string[] {
    const namespaces = ["mount", "uts", "ipc", "net", "pid", "cgroup", "root", "wd"];
    return ["nsenter", `--target=${this.#init}`, ...namespaces.map((one) => `--${one}`)];
  }

  /** Runs commands in a shell of root, ends at the first error, and returns what they print. Throws with that if one fails. */
  async sh(commands: string): Promise<string> {
    const clean = [
      "env",
      "-i",
      "HOME=/root",
      "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
      "LANG=C.UTF-8",
      "TERM=dumb",
    ];
    const child = Bun.spawn(
      [...this.#enter(), "--", ...clean, "bash", "-euo", "pipefail", "-c", `exec 2>&1; cd; ${commands}`],
      {
        stdio: ["ignore", "pipe", "inherit"],
      },
    );
    const output = await new Response(child.stdout).text();
    if ((await child.exited) !== 0) throw new Error(`on ${this.name}:\n${commands}\nanswered:\n${output}`);
    return output;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // A power cut, from which nothing inside escapes; the drill has what it wants to know.
    if (this.#init !== undefined && this.#nspawn?.exitCode === null) process.kill(this.#init, "SIGKILL");
    else this.#nspawn?.kill("SIGKILL");
    await this.#nspawn?.exited;
    await Bun.$`umount --lazy ${this.root}`.quiet().nothrow();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/**
 * $0 is the name, $1 the root, $2 the network. Where the kernel has both kinds of control groups, systemd uses the second only if it sees
 * nothing else; without it, it ignores the units' address rules. It needs bpf() for them, which systemd-nspawn refuses by default, and says nothing
 * when it cannot have it.
 */
const BOOT = `
mount --make-rprivate /
umount --recursive /sys/fs/cgroup
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mkdir -p "/sys/fs/cgroup/$2"
echo $$ > "/sys/fs/cgroup/$2/cgroup.procs"
exec systemd-nspawn --quiet --register=no --keep-unit --boot --hostname="$0" --machine="$0" \\
  --network-namespace-path="/run/netns/$2" --directory="$1" --system-call-filter=bpf --console=pipe`;

/** The first process inside, whose parent is systemd-nspawn. Undefined while the shell before it still prepares. */
function childOf(pid: number): number | undefined {
  if (readFileSync(`/proc/${pid}/comm`, "utf8") !== "systemd-nspawn\n") return undefined;
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
  const child = children === "" ? undefined : Number(children.split(" ")[0]);
  // It is called systemd once it runs what is inside.
  return child !== undefined && readFileSync(`/proc/${child}/comm`, "utf8") === "systemd\n"
    ? child
    : undefined;
}
