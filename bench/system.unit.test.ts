// A stack that was started for a run is stopped if the run cannot begin.
import { expect, test } from "bun:test";
import { openSystem } from "./system.ts";

test("interrupting a run while its stack starts ends the start and then takes the stack down", async () => {
  const run: (string | undefined)[] = [];
  const toTakeDown: AsyncDisposable[] = [];
  const isStarting = Promise.withResolvers<void>();
  const opening = openSystem({
    stack: undefined,
    skus: 1,
    latency: "fixed:0",
    opened: (opened) => void toTakeDown.push(opened),
    async command([name], signal) {
      run.push(name);
      if (name !== "up") return "";
      const ended = new Promise((_, reject) =>
        signal?.addEventListener("abort", () => reject(signal.reason)),
      );
      isStarting.resolve();
      await ended.finally(() => run.push("up has ended"));
      return "";
    },
  });
  let outcome = "none";
  void opening.then(
    () => (outcome = "opened"),
    () => (outcome = "failed"),
  );
  await isStarting.promise;
  await toTakeDown[0]?.[Symbol.asyncDispose]();
  await Bun.sleep(0);
  expect(run).toEqual(["up", "up has ended", "down"]);
  // The caller must not end the process before that.
  expect(outcome).toBe("none");
});

test.each([
  ["its own stack is taken down", undefined, ["up", "status", "down"]],
  ["an existing stack is not touched", "/existing", ["status"]],
])("if the provider rejects the latency, %s", async (_, stack, commands) => {
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
