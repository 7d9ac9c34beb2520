// Whose cookie counts while the secret of the sessions is exchanged.
import { expect, test } from "bun:test";
import { Flows } from "./oidc-flow.ts";
import { Sessions } from "./session.ts";

const OLD = "the old secret of sessions, with enough characters";
const NEW = "another secret of sessions, as long as the old one";
const NOW = Date.UTC(2026, 0, 2, 3, 4, 5);
const ada = { name: "ada", role: "operator", token: null, expiresAt: NOW + 3_600_000 } as const;

async function cookieOf(secrets: string): Promise<string> {
  return (await new Sessions(secrets).open(ada, "token", NOW)).value;
}

const counts = async (secrets: string, cookie: string) =>
  (await new Sessions(secrets).read(cookie, NOW)) !== null;

test("during a rotation sessions of both secrets count, and the first one signs", async () => {
  const [before, during, after] = await Promise.all([
    cookieOf(OLD),
    cookieOf(`${NEW},${OLD}`),
    cookieOf(NEW),
  ]);
  for (const secrets of [`${OLD},${NEW}`, `${NEW},${OLD}`])
    for (const cookie of [before, during, after]) expect(await counts(secrets, cookie)).toBe(true);
  expect(await counts(NEW, before)).toBe(false);
  expect(await counts(NEW, during)).toBe(true);
  expect(await counts(OLD, during)).toBe(false);
});

test("a session that was signed out stays so, whichever secret has signed it", async () => {
  const sessions = new Sessions(`${NEW},${OLD}`);
  const cookie = await cookieOf(OLD);
  const session = await sessions.read(cookie, NOW);
  if (session === null) throw new Error("the session does not count");
  sessions.end(session, NOW);
  expect(await sessions.read(cookie, NOW)).toBeNull();
  expect(sessions.isOpen(session, NOW)).toBe(false);
});

test("a sign-in at the identity provider that began before the rotation ends after it", async () => {
  const flow = { state: "state", nonce: "nonce", verifier: "verifier", back: "/sagas" };
  const sealed = await new Flows(OLD).seal(flow, NOW);
  expect(await new Flows(`${NEW},${OLD}`).open(sealed, NOW)).toEqual(flow);
  expect(await new Flows(NEW).open(sealed, NOW)).toBeNull();
});
