import { afterAll, expect, test } from "bun:test";
import { Balancer } from "./balancer.ts";

const held = new AsyncDisposableStack();
afterAll(() => held.disposeAsync());

/** A backend that answers with its name and the request's body, or with what `answer` says. */
function backend(name: string, answer?: () => Response | Promise<Response>) {
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: async (request) =>
      answer?.() ?? new Response(`${name} ${new URL(request.url).search} ${await request.text()}`),
  });
  held.defer(() => server.stop(true));
  return { url: `http://127.0.0.1:${server.port}`, stop: () => server.stop(true) };
}

function balancerOf(...urls: readonly string[]) {
  const balancer = held.use(new Balancer("gateway", urls, 0));
  for (const [index] of urls.entries()) balancer.putIn(index + 1);
  return balancer;
}

const ask = async ({ url }: Balancer, body = "") =>
  (await fetch(`${url}/path?wait=1`, body === "" ? {} : { method: "POST", body })).text();

test("requests go to the backends in turn, with query and body, and not to one that is out", async () => {
  const balancer = balancerOf(backend("a").url, backend("b").url);
  const two = [await ask(balancer, "cart"), await ask(balancer, "cart")];
  expect(two.toSorted()).toEqual(["a ?wait=1 cart", "b ?wait=1 cart"]);
  await balancer.takeOut(1);
  expect(await ask(balancer)).toStartWith("b");
  expect(await ask(balancer)).toStartWith("b");
  balancer.putIn(1);
  const again = [await ask(balancer), await ask(balancer)];
  expect(again.map((text) => text.charAt(0)).toSorted()).toEqual(["a", "b"]);
  expect(balancer.requestsOf(1) + balancer.requestsOf(2)).toBe(6);
  expect(balancer.faults).toEqual([]);
});

test("a backend is out only when it has answered what it was given", async () => {
  const answer = Promise.withResolvers<Response>();
  const asked = Promise.withResolvers<void>();
  const slow = backend("slow", () => {
    asked.resolve();
    return answer.promise;
  });
  const balancer = balancerOf(slow.url);
  const text = ask(balancer);
  await asked.promise;
  let isOut = false;
  const out = balancer.takeOut(1).then(() => {
    isOut = true;
  });
  // Another request passes through the balancer meanwhile.
  expect((await fetch(balancer.url)).status).toBe(503);
  expect(isOut).toBe(false);
  answer.resolve(new Response("late"));
  await out;
  expect(await text).toBe("late");
});

test("answers of 5xx and a backend that does not answer are faults", async () => {
  const gone = backend("gone");
  await gone.stop();
  const balancer = balancerOf(
    backend("ill", () => new Response("no database", { status: 503 })).url,
    gone.url,
  );
  const statuses = [(await fetch(balancer.url)).status, (await fetch(balancer.url)).status];
  expect(new Set(statuses)).toEqual(new Set([502, 503]));
  expect(balancer.faults).toHaveLength(2);
  expect(balancer.faults.map(({ text }) => text).join("\n")).toContain("gateway: GET /: 503 no database");
});

test("a backend that is no longer ready is left out at the next check, and serves until then", async () => {
  const balancer = balancerOf(backend("a").url, backend("b").url);
  const checks = [true, false];
  await balancer.leaveOut(1, () => Promise.resolve(checks.shift() ?? false));
  expect(checks).toEqual([]);
  expect(await ask(balancer)).toStartWith("b");
  expect(await ask(balancer)).toStartWith("b");
});
