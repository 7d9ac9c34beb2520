// Sign-in at an identity provider, over HTTP with a provider on this machine: the whole way, and everything that must not let anybody in.
import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { isPersonName } from "../platform/internal-tokens.ts";
import { consoleOptions, sagaId } from "../testkit/console.ts";
import { ConsoleBrowser, OWN } from "../testkit/console-browser.ts";
import { CLIENT, OidcProvider } from "../testkit/oidc-provider.ts";
import { IdentityProvider } from "./identity-provider.ts";
import { FLOW, Flows } from "./oidc-flow.ts";
import { type ClaimRules, personOf } from "./oidc-person.ts";
import type { ConsoleOptions } from "./options.ts";
import { SESSION } from "./session.ts";

/** What browsers see; the app hears another name, as behind a proxy. */
const PUBLIC = "https://console.example";
const REDIRECT = `${PUBLIC}/sign-in/oidc/callback`;
const RULES: ClaimRules = {
  nameClaim: "preferred_username",
  roleClaim: "groups",
  operators: ["checkout-ops"],
  viewers: ["checkout-view", "support"],
  isName: isPersonName,
};

let provider = new OidcProvider(REDIRECT);
let now = Date.now();
beforeEach(async () => {
  await provider[Symbol.asyncDispose]();
  provider = new OidcProvider(REDIRECT);
  now = Date.now();
});
afterAll(() => provider[Symbol.asyncDispose]());

/** A browser with a console of its own. */
class Person extends ConsoleBrowser {
  readonly acts: Readonly<Record<string, unknown>>[];

  constructor({
    secret = CLIENT.secret,
    rules = RULES,
    ...parts
  }: Partial<ConsoleOptions> & { readonly secret?: string; readonly rules?: ClaimRules } = {}) {
    const clock = { now: () => now };
    const options = { clientId: CLIENT.id, redirectUri: REDIRECT, scopes: "openid profile", clock };
    const acts: Readonly<Record<string, unknown>>[] = [];
    super(
      consoleOptions({
        clock,
        publicUrl: PUBLIC,
        oidc: {
          provider: new IdentityProvider({
            ...options,
            issuer: new URL(provider.issuer),
            clientSecret: secret,
          }),
          flows: new Flows("a secret of sessions with more than thirty-two characters"),
          rules,
          tokenFor: async ({ name, role }) => `token for ${name}, ${role}`,
        },
        onAct: (fields) => void acts.push(fields),
        ...parts,
      }),
    );
    this.acts = acts;
  }

  override post(path: string, fields: Readonly<Record<string, string>>): Promise<Response> {
    return super.post(path, fields, { ...OWN, origin: PUBLIC, accept: "*/*" });
  }

  /** To the provider and back: the path and query that it leads to. */
  async awayAndBack(back = "/sagas?status=COMPLETED"): Promise<string> {
    const begun = await this.get(`/sign-in/oidc?back=${encodeURIComponent(back)}`);
    expect(begun.status).toBe(303);
    const there = await fetch(begun.headers.get("location") ?? "", { redirect: "manual" });
    const address = new URL(there.headers.get("location") ?? "");
    expect(`${address.origin}${address.pathname}`).toBe(REDIRECT);
    return `${address.pathname}${address.search}`;
  }
}

/** Says why, opens no session, and ends what was begun. */
async function expectRefused(person: Person, answer: Response, status: number, why: string): Promise<void> {
  const html = await answer.text();
  const [, note = ""] = /<p id="note">([^<]*)/.exec(html) ?? [];
  expect([answer.status, note]).toEqual([status, expect.stringContaining(why)]);
  expect(html.includes('name="token"')).toBe(true);
  expect(person.cookies.get(SESSION) ?? "").toBe("");
  expect(person.cookies.get(FLOW) ?? "").toBe("");
  expect((await person.get("/me")).status).toBe(303);
}

describe("the whole way", () => {
  test("an operator comes back to the page that they wanted, under the provider's name for them, for 8 hours", async () => {
    const person = new Person();
    const begun = await person.get("/sign-in/oidc?back=/audit");
    expect(begun.headers.getSetCookie()[0]).toMatch(
      /^__Host-console-oidc=[\w.-]+; Path=\/; Secure; HttpOnly; SameSite=Lax; Max-Age=600$/,
    );
    const answer = await person.get(await person.awayAndBack());
    expect([answer.status, await answer.text()]).toEqual([
      200,
      expect.stringContaining('content="0; url=/sagas?status=COMPLETED"'),
    ]);
    const [session = "", flow = ""] = answer.headers.getSetCookie();
    expect(session).toContain("; Secure; HttpOnly; SameSite=Strict; Max-Age=28800");
    expect(flow).toStartWith(`${FLOW}=; `);
    const me = await (await person.get("/me")).text();
    expect(me).toContain("<h1>olga</h1>");
    expect(me).toContain("role operator, signed in with the identity provider");
    expect(person.acts).toContainEqual(
      expect.objectContaining({ action: "console.sign-in", actor: "olga", outcome: "ok" }),
    );
    now += 8 * 3_600_000 + 1_000;
    expect((await person.get("/me")).status).toBe(303);
  });

  test("the sign-in page offers both ways, and without a provider only the token", async () => {
    const both = await (await new Person().get("/sign-in?back=/audit")).text();
    expect(both).toContain('href="/sign-in/oidc?back=%2Faudit"');
    expect(both).toContain('name="token"');
    const without = new Person({ oidc: null });
    expect(await (await without.get("/sign-in")).text()).not.toContain("/sign-in/oidc");
    expect((await without.get("/sign-in/oidc")).status).toBe(404);
    expect((await without.get("/sign-in/oidc/callback?code=x&state=y")).status).toBe(404);
  });

  test("signing out ends it, also for whoever has kept the cookie", async () => {
    const person = new Person();
    await person.get(await person.awayAndBack());
    const kept = person.cookies.get(SESSION) ?? "";
    expect((await person.post("/sign-out", {})).status).toBe(303);
    person.cookies.set(SESSION, kept);
    expect((await person.get("/me")).status).toBe(303);
  });

  test("a viewer is one to the server, too: no act", async () => {
    provider.person = { sub: "u-2", preferred_username: "vera", groups: ["support", "all-staff"] };
    const person = new Person();
    await person.get(await person.awayAndBack());
    const answer = await person.post(`/sagas/${sagaId(7)}/cancel`, { reason: "ticket 1" });
    expect([answer.status, await answer.json()]).toEqual([
      403,
      expect.objectContaining({ detail: expect.stringContaining("vera has the role viewer") }),
    ]);
  });

  test("claims that the ID token lacks come from the user info", async () => {
    provider.person = { sub: "u-3", preferred_username: "ines" };
    provider.onlyInUserInfo = { groups: ["checkout-ops"], preferred_username: "somebody else" };
    const person = new Person();
    await person.get(await person.awayAndBack());
    expect(await (await person.get("/me")).text()).toContain("<h1>ines</h1>");
  });
});

describe("nobody gets in", () => {
  test("with the state of another sign-in", async () => {
    const person = new Person();
    const back = await person.awayAndBack();
    const changed = back.replace(/state=[^&]+/, "state=another");
    await expectRefused(person, await person.get(changed), 422, "is not an answer to this sign-in");
    expect(provider.exchanges).toBe(0);
  });

  test("in a browser that began nothing: a link with somebody's code signs nobody in", async () => {
    const attacker = new Person();
    const link = await attacker.awayAndBack();
    const victim = new Person();
    await expectRefused(victim, await victim.get(link), 422, "did not begin a sign-in");
    // And not in one that began its own.
    await victim.get("/sign-in/oidc");
    await expectRefused(victim, await victim.get(link), 422, "is not an answer to this sign-in");
    expect(provider.exchanges).toBe(0);
  });

  test("with the nonce of another sign-in", async () => {
    provider.spoil = (claims) => ({ ...claims, nonce: "another" });
    const person = new Person();
    await expectRefused(person, await person.get(await person.awayAndBack()), 422, "CLAIM_COMPARISON_FAILED");
  });

  test("with a code that has been used, by the same browser with the cookie that it kept", async () => {
    const person = new Person();
    const back = await person.awayAndBack();
    const kept = person.cookies.get(FLOW) ?? "";
    expect((await person.get(back)).status).toBe(200);
    await person.post("/sign-out", {});
    person.cookies.set(SESSION, "");
    await expectRefused(person, await person.get(back), 422, "did not begin a sign-in");
    person.cookies.set(FLOW, kept);
    await expectRefused(person, await person.get(back), 422, "it answered invalid_grant");
    expect(provider.exchanges).toBe(1);
  });

  test("ten minutes after it began", async () => {
    const person = new Person();
    const back = await person.awayAndBack();
    now += 601_000;
    await expectRefused(person, await person.get(back), 422, "did not begin a sign-in");
  });

  test.each([
    ["for another client", { aud: "another-client" }],
    ["of another issuer", { iss: "https://evil.example" }],
    ["that has expired", { exp: 1_700_000_000 }],
  ])("with a token %s", async (_, wrong) => {
    provider.spoil = (claims) => ({ ...claims, ...wrong });
    const person = new Person();
    await expectRefused(
      person,
      await person.get(await person.awayAndBack()),
      422,
      "is not an answer to this sign-in",
    );
  });

  test("with a token that another key signed", async () => {
    await provider.forge();
    const person = new Person();
    await expectRefused(
      person,
      await person.get(await person.awayAndBack()),
      422,
      "is not an answer to this sign-in",
    );
  });

  test("by the secret of another client", async () => {
    const person = new Person({ secret: "another" });
    await expectRefused(
      person,
      await person.get(await person.awayAndBack()),
      422,
      "it answered invalid_client",
    );
  });

  test("without a role: they are told so, and it is kept", async () => {
    provider.person = { sub: "u-4", preferred_username: "nina", groups: ["sales"] };
    const person = new Person();
    const answer = await person.get(await person.awayAndBack());
    await expectRefused(person, answer, 403, "nina is neither an operator nor a viewer here");
    expect(person.acts).toContainEqual(
      expect.objectContaining({ actor: "nina", action: "console.sign-in", outcome: "refused" }),
    );
  });

  test("when the provider says no; its words are not shown, which anybody could write into a link", async () => {
    const person = new Person();
    const state = new URLSearchParams((await person.awayAndBack()).split("?")[1]).get("state");
    const said = `error=access_denied&error_description=call+me&state=${state}&iss=${encodeURIComponent(provider.issuer)}`;
    const answer = await person.get(`/sign-in/oidc/callback?${said}`);
    expect(await answer.clone().text()).not.toContain("call me");
    await expectRefused(person, answer, 422, "it answered access_denied");
  });
});

describe("where it leads", () => {
  test("never back to another site", async () => {
    for (const back of ["//evil.example", "https://evil.example/", "/\\evil.example"]) {
      const person = new Person();
      const answer = await person.get(await person.awayAndBack(back));
      expect((await answer.text()).includes('content="0; url=/"'), back).toBe(true);
    }
  });

  test("the provider leads to no address but the registered one, and the console never asks for another", async () => {
    const person = new Person();
    const asked = new URL(
      (await person.get("/sign-in/oidc?redirect_uri=https://evil.example/")).headers.get("location") ?? "",
    );
    expect(asked.searchParams.getAll("redirect_uri")).toEqual([REDIRECT]);
    expect(asked.searchParams.get("code_challenge_method")).toBe("S256");
    asked.searchParams.set("redirect_uri", "https://evil.example/");
    expect((await fetch(asked, { redirect: "manual" })).status).toBe(400);
  });
});

describe("a provider that is away", () => {
  test.each([
    ["answers 503", async () => void (provider.outage = new Response("busy", { status: 503 }))],
    ["sends a page", async () => void (provider.outage = new Response("<html>"))],
    ["is down", () => provider[Symbol.asyncDispose]()],
  ])("that %s: the page says so, and a token works", async (_, goAway) => {
    const errors: unknown[] = [];
    const person = new Person({
      onError: (error) => void errors.push(error),
      identify: async (token) => ({ name: "ada", role: "operator", token, expiresAt: now + 3_600_000 }),
    });
    const issuer = provider.issuer;
    await goAway();
    const answer = await person.get("/sign-in/oidc?back=/audit");
    await expectRefused(person, answer, 503, `the identity provider ${issuer}/ does not answer as it should`);
    expect(errors.length).toBe(1);
    expect((await person.post("/sign-in", { token: "token-of-ada" })).status).toBe(303);
    expect((await person.get("/me")).status).toBe(200);
  });

  test("after the browser has left for it: the same, and it works again when it is back", async () => {
    const person = new Person();
    const back = await person.awayAndBack();
    provider.outage = new Response("busy", { status: 503 });
    await expectRefused(person, await person.get(back), 503, "Nobody can sign in there just now");
    provider.outage = null;
    expect((await person.get(await person.awayAndBack())).status).toBe(200);
    expect((await person.get("/me")).status).toBe(200);
  });
});

describe("who somebody is", () => {
  const claims = { sub: "u-1", preferred_username: "olga", email: "o@shop.example" };
  test.each([
    ["preferred_username", "olga"],
    ["email", "o@shop.example"],
    ["sub", "u-1"],
    ["profile.login", "og"],
  ])("the name is what %s has", (nameClaim, name) => {
    const given = { ...claims, groups: ["checkout-ops"], profile: { login: "og" } };
    expect(personOf(given, { ...RULES, nameClaim })).toEqual({ name, role: "operator" });
  });

  test("without a name nobody comes in, whatever their role", () => {
    const groups = ["checkout-ops"];
    const nameless = [
      [{ preferred_username: "(ada)" }, "preferred_username"],
      [{ preferred_username: "x\ny" }, "preferred_username"],
      [{ preferred_username: ["olga"] }, "preferred_username"],
      [{ email: "o@shop.example", email_verified: false }, "email"],
      [claims, "upn"],
      [claims, "toString"],
    ] as const;
    for (const [given, nameClaim] of nameless)
      expect(personOf({ groups, ...given }, { ...RULES, nameClaim })).toEqual({
        name: null,
        refused: expect.stringContaining(`it names nobody: ${nameClaim} is missing`),
      });
  });

  test.each([
    [["support", "checkout-ops"], "groups", "operator"],
    ["checkout-view", "groups", "viewer"],
    ["checkout-ops-not", "groups", null],
    ["checkout-ops support", "groups", null],
    [undefined, "groups", null],
    [{ roles: ["support"] }, "groups.roles", "viewer"],
    [["support"], "groups.length", null],
    [[["checkout-ops"]], "groups", null],
  ])("%j in %s is %p", (groups, roleClaim, role) => {
    const person = personOf({ ...claims, groups }, { ...RULES, roleClaim });
    expect<string | null>("role" in person ? person.role : null).toBe(role);
  });

  test("a claim whose own name has dots, as those of some providers, is found by it", () => {
    const rules = { ...RULES, roleClaim: "https://shop.example/roles" };
    expect(personOf({ ...claims, "https://shop.example/roles": ["support"] }, rules)).toMatchObject({
      role: "viewer",
    });
  });
});
