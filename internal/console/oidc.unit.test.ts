// Sign-in at an identity provider: there and back, and every answer that must not sign anybody in.
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { consoleOptions } from "../testkit/console.ts";
import { CLIENT, TestIdentityProvider } from "../testkit/identity-provider.ts";
import { consoleApp } from "./app.ts";
import { CALLBACK, IdentityProvider, PENDING } from "./identity-provider.ts";
import { SESSION } from "./session.ts";

const SITE = "https://console.example";

let there: TestIdentityProvider;
beforeAll(async () => {
  there = await TestIdentityProvider.start();
});
afterAll(() => there[Symbol.asyncDispose]());
beforeEach(() => {
  there.person = { preferred_username: "ada", realm_access: { roles: ["other", "checkout-operator"] } };
  there.wrongNonce = null;
});

function consoleWith(issuer: string) {
  const provider = new IdentityProvider({
    issuer,
    clientId: CLIENT.id,
    clientSecret: CLIENT.secret,
    publicUrl: SITE,
    nameClaim: "preferred_username",
    rolesClaim: "realm_access.roles",
    roleNames: { viewer: "checkout-viewer", operator: "checkout-operator" },
    secret: "a secret of sessions with more than thirty-two characters",
  });
  const mint = async (
    actor: { readonly name: string; readonly role: "viewer" | "operator" },
    now: number,
  ) => ({
    ...actor,
    token: `minted for ${actor.name}`,
    expiresAt: now + 3_600_000,
  });
  return consoleApp(consoleOptions({ oidc: { provider, mint }, publicUrl: SITE }));
}

type App = ReturnType<typeof consoleApp>;
const get = (app: App, path: string, cookie = "") =>
  app.handle(new Request(`http://localhost${path}`, { headers: { accept: "text/html", cookie } }));
const cookieOf = (answer: Response, name: string) =>
  answer.headers.getSetCookie().find((line) => line.startsWith(`${name}=`)) ?? "";

/** To the provider and back, as a browser goes. Returns the path with which it comes back, and the cookie. */
async function signInThere(
  app: App,
  back = "/sagas",
): Promise<{ readonly path: string; readonly cookie: string }> {
  const begun = await get(app, `/sign-in/oidc?back=${encodeURIComponent(back)}`);
  const pending = cookieOf(begun, PENDING);
  expect(pending).toMatch(/HttpOnly; SameSite=Lax; Max-Age=600$/);
  const answer = await fetch(begun.headers.get("location") ?? "", { redirect: "manual" });
  const came = new URL(answer.headers.get("location") ?? "");
  expect(came.origin + came.pathname).toBe(SITE + CALLBACK);
  return { path: came.pathname + came.search, cookie: pending.split(";", 1)[0] ?? "" };
}

test("an operator of the provider is signed in with the role of the claim, and led on by a page of ours", async () => {
  const app = consoleWith(there.issuer);
  const { path, cookie } = await signInThere(app);
  const answer = await get(app, path, cookie);
  expect(answer.status).toBe(200);
  expect(await answer.text()).toContain("0; url=/sagas?again=1");
  const session = cookieOf(answer, SESSION);
  expect(session).toContain("SameSite=Strict");
  expect(cookieOf(answer, PENDING)).toContain("Max-Age=0");
  const me = await (await get(app, "/me", session.split(";", 1)[0])).text();
  expect(me.includes("role operator, signed in with the identity provider")).toBe(true);
});

test("the sign-in page offers it only where there is one", async () => {
  expect((await (await get(consoleWith(there.issuer), "/sign-in")).text()).includes("company account")).toBe(
    true,
  );
  const without = consoleApp(consoleOptions());
  expect((await (await get(without, "/sign-in")).text()).includes("company account")).toBe(false);
  expect((await get(without, "/sign-in/oidc")).status).toBe(404);
});

test.each([
  ["another browser, without the cookie", async (app: App) => ({ ...(await signInThere(app)), cookie: "" })],
  [
    "the cookie of another sign-in",
    async (app: App) => ({ ...(await signInThere(app)), cookie: (await signInThere(app)).cookie }),
  ],
  [
    "a code that was used",
    async (app: App) => {
      const came = await signInThere(app);
      await get(app, came.path, came.cookie);
      return came;
    },
  ],
  [
    "an answer with another state",
    async (app: App) => {
      const came = await signInThere(app);
      return { ...came, path: came.path.replace(/state=[^&]*/, "state=other") };
    },
  ],
  [
    "an ID token for another request",
    async (app: App) => {
      there.wrongNonce = "another";
      return signInThere(app);
    },
  ],
  [
    "a person without a role",
    async (app: App) => {
      there.person = { preferred_username: "eve", realm_access: { roles: ["other"] } };
      return signInThere(app);
    },
  ],
  [
    "a person without a name",
    async (app: App) => {
      there.person = { realm_access: { roles: "checkout-viewer" } };
      return signInThere(app);
    },
  ],
] as const)("%s signs nobody in", async (_, come) => {
  const app = consoleWith(there.issuer);
  const { path, cookie } = await come(app);
  const answer = await get(app, path, cookie);
  expect(answer.status).toBe(403);
  expect(cookieOf(answer, SESSION)).toBe("");
});

test("a provider that does not answer is said, and the token still works", async () => {
  const app = consoleWith("http://127.0.0.1:9");
  const answer = await get(app, "/sign-in/oidc");
  expect([answer.status, (await answer.text()).includes("An operator token works without it.")]).toEqual([
    503,
    true,
  ]);
});

test("the way back never leads to another site", async () => {
  const app = consoleWith(there.issuer);
  const { path, cookie } = await signInThere(app, "//evil.example/");
  expect((await (await get(app, path, cookie)).text()).includes("0; url=/?again=1")).toBe(true);
});
