// Sign-in, sign-out, who I am, theme and time zone.
import { clearCookie, setCookie } from "../../web/cookies.ts";
import { ownPath } from "../../web/own-path.ts";
import { AppError } from "../../kernel/errors.ts";
import type { IdentifiedActor } from "../actor.ts";
import { recordIfPossible } from "../audit.ts";
import { MAX_TOKEN_LENGTH } from "../limits.ts";
import { Me } from "../pages/me.tsx";
import { SignIn } from "../pages/sign-in.tsx";
import { page } from "../respond.ts";
import { seeOther } from "../../web/respond.ts";
import { SESSION, type SignInMethod } from "../session.ts";
import { isSignedIn, preferencesCookie, type SignedIn, THEMES, type Visit, ZONES } from "../visit.ts";
import type { ConsoleRoute } from "./route.ts";

export const sessionRoutes: readonly ConsoleRoute[] = [
  { method: "GET", path: "/sign-in", name: "sign_in", needs: "nothing", handle: signInPage },
  { method: "POST", path: "/sign-in", name: "sign_in_post", needs: "nothing", handle: signIn },
  { method: "POST", path: "/sign-out", name: "sign_out", needs: "viewer", handle: signOut },
  { method: "POST", path: "/preferences", name: "preferences", needs: "nothing", handle: preferences },
  {
    method: "GET",
    path: "/me",
    name: "me",
    needs: "viewer",
    handle: (visit) => page(visit, <Me visit={visit} />),
  },
];

function signInPage(visit: Visit): Response {
  const back = ownPath(visit.query.get("back"), "/");
  if (isSignedIn(visit)) return seeOther(back);
  const note = visit.query.has("out")
    ? ({ tone: "info", of: "session", text: "You are signed out." } as const)
    : null;
  return page(visit, <SignIn frame={visit} back={back} note={note} />);
}

async function signIn(visit: Visit): Promise<Response> {
  const { form, options, request } = visit;
  const token = (form.get("token") ?? "").trim();
  const back = ownPath(form.get("back"), "/");
  const refused = (text: string, status: number) => {
    options.counts.signIn("refused");
    options.onAct(
      { action: "console.sign-in", address: options.addressOf(request), outcome: "refused" },
      "a sign-in to the console was refused",
    );
    const note = { tone: "bad", of: "token", text } as const;
    return page(visit, <SignIn frame={visit} back={back} note={note} />, { status });
  };
  if (token.length > MAX_TOKEN_LENGTH) return refused("That is no operator token: it is too long.", 422);
  try {
    const actor = await options.identify(token);
    if ("refused" in actor) return refused(`This token is not valid: ${actor.refused}.`, 422);
    return seeOther(back, [await opened(visit, actor, "token")]);
  } catch (error) {
    if (!(error instanceof AppError && error.canRetry)) throw error;
    options.onError(error, request);
    return refused("Nobody can check tokens just now. Try again in a moment.", 503);
  }
}

/** Opens a session for somebody whose identity is proved. Returns its cookie. `proof` is kept in the audit trail. */
export async function opened(
  visit: Visit,
  actor: IdentifiedActor,
  method: SignInMethod,
  proof: Readonly<Record<string, unknown>> = {},
): Promise<string> {
  const { options, now } = visit;
  const { value, seconds } = await options.sessions.open(actor, method, now);
  options.counts.signIn("ok");
  await recordIfPossible(
    { ...visit, actor },
    {
      action: "console.sign-in",
      subject: actor.name,
      reason: method === "token" ? "with an operator token" : "at the identity provider",
      outcome: "ok",
      parameters: { role: actor.role, ...proof },
    },
  );
  return setCookie(SESSION, value, seconds, "Strict");
}

function signOut({ options, session, now }: SignedIn): Response {
  options.sessions.end(session, now);
  return seeOther("/sign-in?out=1", [clearCookie(SESSION, "Strict")]);
}

/** What the pressed button chose; the other one stays. */
function preferences({ form, theme, zone }: Visit): Response {
  const chosenTheme = THEMES.find((name) => name === form.get("theme")) ?? theme;
  const chosenZone = ZONES.find((name) => name === form.get("zone")) ?? zone;
  return seeOther(ownPath(form.get("back"), "/"), [preferencesCookie(chosenTheme, chosenZone)]);
}
