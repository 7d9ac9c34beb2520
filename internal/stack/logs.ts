// `stack logs`: prints the end of the log files with tail, and can follow them.
import { existsSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";

export interface LogOptions {
  readonly name: string | undefined;
  readonly follow: boolean;
  readonly lines: number;
}

export async function showLogs(dataDirectory: string, { name, follow, lines }: LogOptions): Promise<void> {
  const directory = join(dataDirectory, "logs");
  const all = existsSync(directory) ? readdirSync(directory).filter((file) => file.endsWith(".log")) : [];
  const wanted = all.filter((file) => name === undefined || basename(file, ".log") === name);
  if (wanted.length === 0) {
    const names = all.map((file) => basename(file, ".log")).join(", ");
    throw new Error(
      `no log${name === undefined ? "" : ` of ${name}`} in ${directory}${names && `; choose from ${names}`}`,
    );
  }
  const tail = Bun.spawn(
    ["tail", "-n", String(lines), ...(follow ? ["-F"] : []), ...wanted.map((file) => join(directory, file))],
    { stdio: ["ignore", "inherit", "inherit"] },
  );
  await tail.exited;
}
