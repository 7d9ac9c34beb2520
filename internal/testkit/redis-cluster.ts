// A Redis Cluster with a single node, for the tests that detect a cluster.
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { startChild } from "../stack/child.ts";
import { CACHE } from "../stack/paths.ts";
import { redisServer } from "../stack/servers/redis.ts";

const READY_TIMEOUT_MS = 30_000;

export async function startClusterNode(): Promise<AsyncDisposable & { readonly url: string }> {
  const directory = join(CACHE, "tests", `redis-cluster-${crypto.randomUUID()}`);
  mkdirSync(directory, { recursive: true });
  const port = freePort();
  const server = redisServer({ port, directory, logFile: join(directory, "log") });
  // The cluster bus needs a second port. The default is port + 10,000, which may not exist.
  const cluster = ["--cluster-enabled", "yes", "--cluster-port", String(freePort())];
  const child = startChild({ ...server, command: [...server.command, ...cluster] });
  await child.ready(server.probe, READY_TIMEOUT_MS);
  return {
    url: `redis://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      await child.stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

export function freePort(): number {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = listener;
  listener.stop(true);
  return port;
}
