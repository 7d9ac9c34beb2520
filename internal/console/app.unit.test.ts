// The console over HTTP, without its servers: who gets in, what each route demands, what is answered when everything is away.
import { describe, expect, test } from "bun:test";
import { AppError } from "../kernel/errors.ts";
import { consoleOptions, NOW, sagaId, sagaOf, sqlThat } from "../testkit/console.ts";
import { ConsoleBrowser, ORIGIN, OWN, PAGE } from "../testkit/console-browser.ts";
import { CONSOLE_ROUTES } from "./app.ts";
import type { ConsoleOptions } from "./options.ts";
import { SESSION } from "./session.ts";

/** Signs in with a token that `consoleOptions` knows. */
class Person extends ConsoleBrowser {
  constructor(parts: Partial<ConsoleOptions> = {}) {
    super(consoleOptions(parts));
  }

  async signIn(name: "ada" | "vic"): Promise<this> {
    const answer = await this.post("/sign-in", { token: `token-of-${name}`, back: "/sagas" });
    expect([answer.status, answer.headers.get("location")]).toEqual([303, "/sagas"]);
    return this;
  }
}

/** Of each route one address. */
const pathOf = (path: string) => path.replace(":id", sagaId(7));
const GUARDED = CONSOLE_ROUTES.filter(({ needs }) => needs !== "nothing");
const ACTS = CONSOLE_ROUTES.filter(({ needs }) => needs === "operator");
const name = ({ method, path }: (typeof CONSOLE_ROUTES)[number]) => [`${method} ${path}`] as const;

describe("permission", () => {
  test("there are acts, and each is a POST", () => {
    expect(ACTS.length).toBeGreaterThan(2);
    expect(ACTS.filter(({ method }) => method !== "POST")).toEqual([]);
  });

  test("every POST is an act, except those that change only one's own view", () => {
    const others = CONSOLE_ROUTES.filter(({ method, needs }) => method === "POST" && needs !== "operator");
    expect(others.map(({ path }) => path)).toEqual(["/sign-in", "/sign-out", "/preferences"]);
  });

  test.each(GUARDED.map((route) => [...name(route), route] as const))(
    "%s needs a session",
    async (_, route) => {
      const nobody = new Person();
      const path = pathOf(route.path);
      const answer = route.method === "GET" ? await nobody.get(path) : await nobody.post(path);
      if (route.method === "GET") {
        expect([answer.status, answer.headers.get("location")]).toEqual([
          303,
          `/sign-in?back=${encodeURIComponent(path)}`,
        ]);
      } else expect(answer.status).toBe(401);
      const data = await (route.method === "GET"
        ? nobody.get(path, { accept: "application/json" })
        : nobody.post(path, {}, { ...OWN, accept: "application/json" }));
      expect([data.status, data.headers.get("content-type")]).toEqual([401, "application/problem+json"]);
    },
  );

  test.each(ACTS.map((route) => [...name(route), route] as const))(
    "%s is refused to a viewer, in words and as problem+json, and on a read-only console to everybody",
    async (_, route) => {
      const viewer = await new Person().signIn("vic");
      const form = { reason: "ticket 1" };
      const path = pathOf(route.path);
      const page = await viewer.post(path, form);
      expect(page.status).toBe(403);
      expect(await page.text()).toContain("vic has the role viewer; this needs the role operator");
      const data = await viewer.post(path, form, { ...OWN, accept: "application/json" });
      expect(data.headers.get("content-type")).toBe("application/problem+json");
      expect(await data.json()).toMatchObject({ status: 403, detail: expect.stringContaining("viewer") });
      const operator = await new Person({ isReadOnly: true }).signIn("ada");
      const readOnly = await operator.post(path, form);
      expect([readOnly.status, await readOnly.text()]).toEqual([
        403,
        expect.stringContaining("CONSOLE_READ_ONLY"),
      ]);
    },
  );

  test.each(
    CONSOLE_ROUTES.filter(({ method }) => method === "POST").map((route) => [...name(route), route] as const),
  )("%s does nothing for a form of another site", async (_, route) => {
    const refused: string[] = [];
    const counts = { ...consoleOptions().counts, refused: (reason: string) => void refused.push(reason) };
    const operator = await new Person({ counts }).signIn("ada");
    for (const headers of [
      { origin: "https://evil.example", host: "localhost", "sec-fetch-site": "cross-site" },
      { host: "localhost" },
    ]) {
      const answer = await operator.post(pathOf(route.path), { token: "token-of-ada" }, headers);
      expect(answer.status).toBe(403);
      expect(answer.headers.getSetCookie()).toEqual([]);
    }
    expect(refused).toEqual(["origin", "origin"]);
  });
});

describe("sign-in", () => {
  test("the cookie is for this host only, unreadable for scripts, never sent from elsewhere, and ends with the token", async () => {
    const answer = await new Person().post("/sign-in", { token: "token-of-ada" });
    const [cookie = ""] = answer.headers.getSetCookie();
    expect(cookie).toStartWith(`${SESSION}=`);
    expect(cookie).toContain("; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=3600");
  });

  test("a wrong token is refused in words, and nobody is signed in", async () => {
    const person = new Person();
    const answer = await person.post("/sign-in", { token: "token-of-eve" });
    expect(answer.status).toBe(422);
    expect(await answer.text()).toContain("This token is not valid: its signature is wrong.");
    expect(person.cookies.size).toBe(0);
  });

  test("a session lasts at most 8 hours, however long the token is good for", async () => {
    let now = NOW;
    const day = 24 * 3_600_000;
    const person = new Person({
      clock: { now: () => now },
      identify: async (token) => ({ name: "ada", role: "operator", token, expiresAt: NOW + day }),
    });
    await person.signIn("ada");
    now = NOW + 8 * 3_600_000 - 1_000;
    expect((await person.get("/me")).status).toBe(200);
    now = NOW + 8 * 3_600_000 + 1_000;
    expect((await person.get("/me")).status).toBe(303);
  });

  test("signing out ends the session, also for whoever has kept the cookie", async () => {
    const person = await new Person().signIn("ada");
    const kept = person.cookies.get(SESSION) ?? "";
    expect((await person.post("/sign-out")).status).toBe(303);
    expect(person.cookies.get(SESSION)).toBe("");
    person.cookies.set(SESSION, kept);
    expect((await person.get("/me")).status).toBe(303);
  });

  test("a session ends when its token does not count any more, as after the theft of a key", async () => {
    const trusted = new Set(["token-of-ada"]);
    const { identify } = consoleOptions();
    const person = new Person({
      identify: async (token) =>
        trusted.has(token)
          ? identify(token)
          : { refused: "it is signed with a key that is not trusted here" },
    });
    await person.signIn("ada");
    expect((await person.get("/me")).status).toBe(200);
    trusted.clear();
    expect((await person.get("/me")).status).toBe(303);
    expect((await person.post("/payments/compare", { reason: "ticket 1" })).status).toBe(401);
  });

  test("while nobody can check tokens nobody is signed in, and the log says why", async () => {
    const errors: unknown[] = [];
    const { identify } = consoleOptions();
    let isAway = false;
    const person = new Person({
      identify: async (token) => {
        if (isAway) throw new AppError("SERVICE_UNAVAILABLE", "nobody can tell");
        return identify(token);
      },
      onError: (error) => void errors.push(error),
    });
    await person.signIn("ada");
    isAway = true;
    errors.length = 0;
    expect((await person.get("/me")).status).toBe(303);
    expect(errors).toEqual([expect.objectContaining({ message: "nobody can tell" })]);
  });

  test("a session that another secret signed is none", async () => {
    const person = await new Person().signIn("ada");
    const value = person.cookies.get(SESSION) ?? "";
    person.cookies.set(SESSION, value.slice(0, -4) + (value.endsWith("AAAA") ? "BBBB" : "AAAA"));
    expect((await person.get("/me")).status).toBe(303);
  });

  test("the way back never leads to another site", async () => {
    for (const back of ["//evil.example", "https://evil.example/", "/\\evil.example"]) {
      const answer = await new Person().post("/sign-in", { token: "token-of-ada", back });
      expect(answer.headers.get("location")).toBe("/");
    }
  });

  test("a link from elsewhere first leads to the console itself, which browsers send the cookie to", async () => {
    const answer = await new Person().get("/sagas?status=COMPLETED", {
      ...PAGE,
      "sec-fetch-site": "cross-site",
    });
    expect(answer.status).toBe(200);
    expect(await answer.text()).toContain('content="0; url=/sagas?status=COMPLETED&amp;again=1"');
    const again = await new Person().get("/sagas?again=1", { ...PAGE, "sec-fetch-site": "cross-site" });
    expect(again.status).toBe(303);
  });

  test("/me says what a viewer may not do, and why", async () => {
    const html = await (await (await new Person().signIn("vic")).get("/me")).text();
    expect(html).toContain("no: vic has the role viewer");
  });
});

describe("pages", () => {
  test("every page has the security headers, and no cache keeps it", async () => {
    const person = await new Person().signIn("ada");
    for (const path of ["/", "/me", "/nowhere", "/sign-in"]) {
      const { headers } = await person.get(path);
      expect(headers.get("content-security-policy") ?? "", path).toMatch(
        path === "/sign-in" ? /^$/ : /^default-src 'none'/,
      );
      expect(headers.get("cache-control"), path).toBe("no-store");
    }
  });

  test("without any server the overview answers, and says unknown instead of 0", async () => {
    const person = await new Person().signIn("ada");
    const answer = await person.get("/");
    const html = await answer.text();
    expect(answer.status).toBe(200);
    expect(html.match(/unknown since/g)?.length).toBeGreaterThan(5);
    expect(html).toContain("the saga database does not answer");
  });

  describe("a text in the search of all pages that is no id", () => {
    const KETTLE = { sku_id: "kettle-1", name: "Gooseneck kettle", also_called: null };
    /** With an inventory that answers all statements with `rows`. */
    const found = async (text: string, rows: readonly unknown[]) => {
      const away = consoleOptions().databases;
      const databases = { ...away, inventory: sqlThat(async () => rows) };
      const vic = await new Person({ databases }).signIn("vic");
      const { status, headers } = await vic.get(`/find?${new URLSearchParams({ q: text })}`);
      return [status, headers.get("location")];
    };

    test("leads to the sagas with a product of this name", async () => {
      expect(await found("gooseneck kettle", [KETTLE])).toEqual([303, "/sagas?product=gooseneck+kettle"]);
    });

    test("finds nothing if no product has it, or if it names none", async () => {
      expect(await found("gooseneck kettle", [])).toEqual([404, null]);
      expect(await found("!!!  ???", [KETTLE])).toEqual([404, null]);
    });
  });

  test("a page that does not follow says of when it is, and one that follows does not", async () => {
    const html = async (path: string) => (await (await new Person().signIn("vic")).get(path)).text();
    expect(await html("/sagas?stuck_seconds=wrong")).toMatch(
      /As of <time [^>]*data-show="second"[^>]*>12:04:05<\/time>\. <a href="\/sagas\?stuck_seconds=wrong">Load again/,
    );
    expect(await html("/")).not.toContain("Load again");
  });

  test("a run that there is none of is not found, as a page and as a file", async () => {
    const nothing = sqlThat(async () => []);
    const options = consoleOptions({}, nothing);
    const person = await new Person({ databases: options.databases }).signIn("vic");
    for (const path of [`/runs/${sagaId(7)}`, `/runs/${sagaId(7)}?as=csv`, "/runs/none"])
      expect([path, (await person.get(path)).status]).toEqual([path, 404]);
  });

  test("what cannot be audited does not happen: no reveal without the saga database", async () => {
    const person = await new Person().signIn("ada");
    const answer = await person.post(`/sagas/${sagaId(7)}/reveal`, { reason: "ticket 1" });
    expect([answer.status, await answer.text()]).toEqual([503, expect.stringContaining("does not answer")]);
  });

  test("a page that cannot be shown now comes by itself; what was posted, or is nowhere, is not asked for again", async () => {
    const person = await new Person().signIn("ada");
    const path = `/sagas/${sagaId(7)}`;
    const answers = [
      await person.get(path),
      await person.post(`${path}/reveal`, { reason: "ticket 1" }),
      await person.get("/nowhere"),
    ];
    const comesBack = answers.map(async (answer) => [
      answer.status,
      (await answer.text()).includes("data-comes-back"),
    ]);
    expect(await Promise.all(comesBack)).toEqual([
      [503, true],
      [503, false],
      [404, false],
    ]);
  });

  test("nor does any act that the console does itself", async () => {
    let requested = 0;
    const isWanted = { isWanted: true };
    // The payment database takes everything, and the saga database is away.
    const { databases } = consoleOptions();
    const payment = sqlThat(async () => {
      requested += 1;
      return [isWanted];
    });
    const person = await new Person({ databases: { ...databases, payment } }).signIn("ada");
    for (const path of ["/payments/compare", `/payments/alerts/${sagaId(7)}/close`]) {
      const answer = await person.post(path, { reason: "ticket 1" });
      expect([path, answer.status]).toEqual([path, 503]);
    }
    expect(requested).toBe(0);
  });

  test("an act on a saga asks the saga database alone, so that another one that is away delays nothing", async () => {
    const ended = sagaOf(7, { status: "COMPLETED", completed_at: NOW, order_id: sagaId(8) });
    const saga = sqlThat(async (strings?: readonly string[]) =>
      strings?.join("").includes("from saga_state where saga_id = ") === true ? [ended] : [],
    );
    const others: string[] = [];
    const away = (place: string) =>
      sqlThat(async () => {
        others.push(place);
        throw new AppError("DATABASE_UNAVAILABLE", `${place} is away`);
      });
    const [inventory, payment, order] = [away("inventory"), away("payment"), away("order")];
    const databases = { saga, inventory, payment, order, notification: away("notification") };
    const person = await new Person({ databases }).signIn("ada");
    for (const act of ["cancel", "cancel-order"]) {
      const answer = await person.post(`/sagas/${sagaId(7)}/${act}`, { reason: "ticket 1" });
      expect([act, answer.status, await answer.text()]).toEqual([
        act,
        503,
        expect.stringContaining("the orchestrator does not answer"),
      ]);
    }
    expect(others).toEqual([]);
    const nowhere = await person.post("/sagas/no-id/cancel", { reason: "ticket 1" });
    expect([nowhere.status, await nowhere.text()]).toEqual([
      404,
      expect.stringContaining("There is no saga no-id."),
    ]);
  });

  test("trying again leads to a page of ours: the same one, or the one that the form was on", async () => {
    const person = await new Person().signIn("ada");
    const again = async (answer: Response) => /<a href="([^"]*)">Try again/.exec(await answer.text())?.[1];
    expect(await again(await person.get("/nowhere?a=1"))).toBe("/nowhere?a=1");
    expect(await again(await person.get("//evil.example/x"))).toBe("/");
    const posted = (referer: string) =>
      person.post(`/sagas/${sagaId(7)}/cancel`, { reason: "x" }, { ...OWN, ...PAGE, referer });
    expect(await again(await posted(`${ORIGIN}/sagas/${sagaId(7)}?show=all`))).toBe(
      `/sagas/${sagaId(7)}?show=all`,
    );
    expect(await again(await posted("https://evil.example//evil.example/x"))).toBe("/");
  });

  test("an act needs a reason, and says so without losing the page", async () => {
    const person = await new Person().signIn("ada");
    const answer = await person.post(
      `/sagas/${sagaId(7)}/cancel`,
      { reason: " x " },
      { ...OWN, accept: "application/json" },
    );
    expect(await answer.json()).toMatchObject({ status: 422, detail: expect.stringContaining("Say why") });
  });

  test("theme and time zone come from the cookie that their buttons set", async () => {
    const person = await new Person().signIn("ada");
    const answer = await person.post("/preferences", { theme: "dark", back: "/me" });
    expect(answer.headers.get("location")).toBe("/me");
    await person.post("/preferences", { zone: "utc", back: "/me" });
    expect(await (await person.get("/me")).text()).toContain('data-theme="dark" data-zone="utc"');
  });

  test("an address that leads nowhere is a page for people and a problem for programs", async () => {
    const person = await new Person().signIn("ada");
    const page = await person.get("/nowhere");
    expect([page.status, await page.text()]).toEqual([
      404,
      expect.stringContaining("There is no page at this address."),
    ]);
    const data = await person.get("/nowhere", { accept: "application/json" });
    expect(await data.json()).toMatchObject({ status: 404 });
  });
});

test("the page of a saga that ended long ago is live: its order may still be cancelled", async () => {
  const ended = sagaOf(7, { status: "COMPLETED", completed_at: NOW - 3_600_000 });
  const isSummary = (text = "") => text.includes("from saga_state where saga_id = ");
  const shopper = { email: "ada@example.com", name: "Ada", city: "London", address: {} };
  const saga = sqlThat(async (strings?: readonly string[]) =>
    isSummary(strings?.join("")) ? [{ ...ended, ...shopper, traceparent: null }] : [],
  );
  const empty = sqlThat(async () => []);
  const databases = { saga, inventory: empty, payment: empty, order: empty, notification: empty };
  const stop = new AbortController();
  const ada = await new Person({ databases, stopping: stop.signal }).signIn("ada");
  const { status, body } = await ada.get(`/sagas/${sagaId(7)}/events`);
  const reader = body?.getReader();
  const next = async () => (await reader?.read())?.done;
  expect([status, await next(), await next()]).toEqual([200, false, false]);
  stop.abort();
  expect(await next()).toBe(true);
});
