// An event stream ends with its session and with the process, and holds little for whoever does not read.
import { expect, test } from "bun:test";
import { waitUntil } from "../stack/wait.ts";
import { consoleOptions, NOW, OPERATOR } from "../testkit/console.ts";
import { h } from "preact";
import { liveResponse, type LiveOptions, polled } from "./live.ts";
import { notFound } from "./problem.ts";
import type { ConsoleOptions } from "./options.ts";
import { readVisit, type SignedIn } from "./visit.ts";

/** Somebody who is signed in; `looks` counts how often their token was checked. */
async function viewer(parts: Partial<ConsoleOptions> = {}) {
  let looks = 0;
  const base = consoleOptions(parts);
  const options: ConsoleOptions = {
    ...base,
    identify: async (token) => {
      looks += 1;
      return base.identify(token);
    },
  };
  const ada = { ...OPERATOR, token: "token-of-ada", expiresAt: NOW + 3_600_000 };
  const { value } = await options.sessions.open(ada, "token", NOW);
  const session = await options.sessions.read(value, NOW);
  if (session === null) throw new Error("there is no session");
  const request = new Request("http://localhost/events");
  const frame = await readVisit(request, {}, new URLSearchParams(), options);
  const visit: SignedIn = { ...frame, session, actor: session.actor };
  return { visit, options, looks: () => looks };
}

/** Something new at every look, a thousand times a second. */
function busy(html: () => string): LiveOptions {
  const watch = (tell: () => void) => {
    const timer = setInterval(tell, 1);
    return () => clearInterval(timer);
  };
  return { parts: () => ({ part: html() }), watch, everyMs: 1 };
}

/** What came until the stream ended. */
async function textOf(response: Response, onChunk: () => void = () => undefined): Promise<string> {
  let text = "";
  for await (const chunk of response.body ?? []) {
    text += new TextDecoder().decode(chunk);
    onChunk();
  }
  return text;
}

test("it ends when its viewer signs out, and when their token does not count any more", async () => {
  const { visit, options } = await viewer();
  let number = 0;
  const text = await textOf(
    liveResponse(
      visit,
      busy(() => `look ${(number += 1)}`),
    ),
    () => {
      if (number > 2) options.sessions.end(visit.session, NOW);
    },
  );
  expect(text).toContain("look 2");
  let isTrusted = true;
  const { identify } = consoleOptions();
  const other = await viewer({
    identify: async (token) => (isTrusted ? identify(token) : { refused: "its key is not trusted here" }),
  });
  expect(
    await textOf(
      liveResponse(
        other.visit,
        busy(() => `look ${(number += 1)}`),
      ),
      () => (isTrusted = false),
    ),
  ).toContain("retry:");
});

test("it ends when the process stops", async () => {
  const stop = new AbortController();
  const { visit } = await viewer({ stopping: stop.signal });
  const never = { parts: () => ({ part: "one" }), watch: () => () => undefined };
  expect(await textOf(liveResponse(visit, never), () => stop.abort())).toContain("retry:");
});

test("for whoever does not read, nothing is made and kept", async () => {
  const { visit, looks } = await viewer();
  let made = 0;
  const megabyte = "x".repeat(1_000_000);
  const response = liveResponse(
    visit,
    busy(() => `${(made += 1)}${megabyte}`),
  );
  await waitUntil("ten rounds are over", async () => looks() > 10, { timeoutMs: 10_000 });
  expect(made).toBe(1);
  const reader = response.body?.getReader();
  const readOn = async () => {
    await reader?.read();
    return made > 2;
  };
  await waitUntil("it goes on for whoever reads", readOn, { timeoutMs: 10_000 });
  await reader?.cancel();
});

test("what tells nobody when it changes is loaded before the answer, and again, but not while it rests", async () => {
  const { visit } = await viewer();
  const loadedAt: number[] = [];
  const load = async () => loadedAt.push(performance.now());
  const parts = (data: number) => ({ part: h("p", null, `load ${data}`) });
  const restMs = (data: number) => (data === 2 ? 40 : 0);
  const answer = await polled(visit, { load, parts, restMs, everyMs: 1 });
  expect(loadedAt.length).toBe(1);
  const reader = answer.body?.getReader();
  let text = "";
  while (!text.includes("load 3")) text += new TextDecoder().decode((await reader?.read())?.value);
  expect(text.match(/load \d/g)).toEqual(["load 1", "load 2", "load 3"]);
  const [, second = 0, third = 0] = loadedAt;
  expect(third - second).toBeGreaterThanOrEqual(40);
  await reader?.cancel();
});

test("while its server is away it says since when, once, also to whoever connects then, and goes on by itself", async () => {
  let now = NOW;
  const errors: unknown[] = [];
  const { visit } = await viewer({
    clock: { now: () => now },
    onError: (error) => void errors.push(error),
  });
  let isAway = true;
  const away = Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" });
  let looks = 0;
  const load = async () => {
    looks += 1;
    if (isAway) throw away;
    return "new";
  };
  const parts = (text: string) => ({ part: h("p", null, text) });
  const answer = await polled(visit, { load, parts, restMs: () => 0, everyMs: 1 });
  const reader = answer.body?.getReader();
  let text = "";
  const readUntil = async (what: string) => {
    while (!text.includes(what)) text += new TextDecoder().decode((await reader?.read())?.value);
  };
  await readUntil("unknown since");
  now += 60_000;
  const { length } = text;
  await waitUntil("it has looked again", () => looks > 5, { timeoutMs: 10_000 });
  isAway = false;
  await readUntil("<p>new</p>");
  expect(text.slice(length)).toContain('"stale":""');
  expect(text.match(/unknown since/g)).toHaveLength(1);
  expect(text).toContain("does not answer: connect ECONNREFUSED");
  expect(text).toContain(new Date(NOW).toISOString());
  expect(errors).toEqual([away]);
  await reader?.cancel();
});

test("what does not exist is a problem before the answer begins", async () => {
  const { visit } = await viewer();
  const load = () => Promise.reject(notFound("There is none."));
  const never = { parts: () => ({}), restMs: () => 0 };
  expect(polled(visit, { load, ...never })).rejects.toThrow("There is none.");
});
