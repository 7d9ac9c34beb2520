// The machine and commit of a run; a figure without them means nothing. Read once per run.
import { arch, cpus, release, totalmem } from "node:os";

export interface Machine {
  readonly cores: number;
  readonly model: string;
  readonly mhz: number;
  readonly memoryGb: number;
  readonly kernel: string;
  readonly arch: string;
  /** The load average of the minute before the run, to detect other load on the machine. */
  readonly loadBefore: number;
}

export async function describeMachine(): Promise<Machine> {
  const all = cpus();
  const loads = await Bun.file("/proc/loadavg").text();
  return {
    cores: all.length,
    model: all[0]?.model.trim() ?? "unknown",
    mhz: await mhz(),
    memoryGb: Math.round((totalmem() / 2 ** 30) * 10) / 10,
    kernel: release(),
    arch: arch(),
    loadBefore: Number(loads.split(" ")[0]),
  };
}

/** For example `1a2b3c4`, with `-dirty` if files differ from it; `unknown` outside a git checkout. */
export function commitOf(directory: string): string {
  const git = Bun.which("git");
  if (git === null) return "unknown";
  const { exitCode, stdout } = Bun.spawnSync([git, "describe", "--always", "--dirty", "--exclude=*"], {
    cwd: directory,
    stderr: "ignore",
  });
  return exitCode === 0 ? stdout.toString().trim() : "unknown";
}

/** `os.cpus()` reports 0 on some virtual machines. */
async function mhz(): Promise<number> {
  const text = await Bun.file("/proc/cpuinfo").text();
  return Math.round(Number(/^cpu MHz\s*: ([\d.]+)/m.exec(text)?.[1] ?? 0));
}
