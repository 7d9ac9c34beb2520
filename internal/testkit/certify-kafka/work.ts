// A worker process from its parent's point of view: its latest progress, and its exit. Called by delivery.ts and memory.ts.

import { join } from "node:path";

import type { Job, Progress } from "./worker.ts";

export interface Worker {
  readonly progress: Progress;
  /** Resolves with the exit code, null after a signal. */
  readonly exited: Promise<number | null>;
  /** Kills it with -9 and waits until it is gone. */
  kill(): Promise<void>;
}

/** `onProgress` gets every progress line of the worker. */
export function startWorker(job: Job, onProgress: (progress: Progress) => void = () => {}): Worker {
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "worker.ts"), JSON.stringify(job)], {
    stdout: "pipe",
    stderr: "inherit",
  });
  let progress: Progress = { done: 0, skipped: 0, cpuMs: 0, rssMb: 0, failures: [] };
  const reading = (async () => {
    let rest = "";
    for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        progress = JSON.parse(line);
        onProgress(progress);
      }
    }
  })();
  const exited = Promise.all([child.exited, reading]).then(() => child.exitCode);
  return {
    get progress() {
      return progress;
    },
    exited,
    async kill() {
      child.kill("SIGKILL");
      await exited;
    },
  };
}
