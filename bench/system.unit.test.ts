// A stack that was started for a run is taken down again where the run cannot begin.
import { expect, test } from "bun:test";
import { openSystem } from "./system.ts";

test.each([
  ["an own stack", undefined, ["up", "status", "down"]],
  ["somebody's stack", "/somebody's", ["status"]],
])("of a provider that does not take the latency: %s", async (_, stack, commands) => {
  using provider = Bun.serve({ port: 0, fetch: () => new Response("no such latency", { status: 422 }) });
  const status = {
    phase: "ready",
    addresses: { paysim: provider.url.href.slice(0, -1) },
    servers: [],
    roles: [],
  };
  const run: (string | undefined)[] = [];
  const command = ([name]: readonly string[]) => {
    run.push(name);
    return Promise.resolve(JSON.stringify(status));
  };
  const opened = openSystem({ stack, skus: 1, latency: "potato", command });
  expect(await opened.then(String, String)).toContain("no such latency");
  expect(run).toEqual(commands);
});
