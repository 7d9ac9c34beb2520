// Controls a running stack over its real socket.
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { requestRestart, serveControl } from "./control.ts";

/** Longer than Bun's default idle timeout of ten seconds, which it checks every four. */
const SLOW_MS = 13_000;

test("a slow restart does not time out", async () => {
  const directory = mkdtempSync(join(tmpdir(), "control-"));
  const restarted: string[] = [];
  const control = serveControl(directory, {
    state: () => Promise.reject(new Error("not asked")),
    async restart(name) {
      await Bun.sleep(SLOW_MS);
      restarted.push(name);
    },
    kill: () => undefined,
    stop: () => Promise.resolve(),
  });
  try {
    await requestRestart(directory, "payment");
    expect(restarted).toEqual(["payment"]);
  } finally {
    await control.close();
    rmSync(directory, { recursive: true });
  }
});
