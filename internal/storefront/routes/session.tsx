// Sign-in, sign-out, language and theme. The shop's identity provider signs the shopper in and sends the browser to
// `/signin?token=...`; that address is a GET, which another site could call, so it only asks, and the POST signs in.
import { clearCookie, setCookie } from "../../web/cookies.ts";
import { ownPath } from "../../web/own-path.ts";
import { DETAILS, KEY, PLACED, PRICES, SESSION } from "../cookies.ts";
import { LANGUAGES } from "../format.ts";
import { SignIn } from "../pages/sign-in.tsx";
import { page } from "../respond.ts";
import { seeOther } from "../../web/respond.ts";
import { preferencesCookie, sessionOf, THEMES, type Visit } from "../visit.ts";
import { backOf, type ShopRoute, SignInUnknown } from "./route.ts";

const MAX_TOKEN_LENGTH = 3_900;

export const sessionRoutes: readonly ShopRoute[] = [
  { method: "GET", path: "/signin", name: "sign_in", handle: signInPage },
  {
    method: "POST",
    path: "/signin",
    name: "sign_in_post",
    handle: signIn,
    pageOf: (_, form) => signInPath(form),
  },
  { method: "POST", path: "/signout", name: "sign_out", handle: signOut, pageOf: () => "/" },
  {
    method: "POST",
    path: "/preferences",
    name: "preferences",
    handle: preferences,
    pageOf: (_, form) => backOf(form, "/"),
  },
];

async function signInPage(visit: Visit): Promise<Response> {
  const { query, words, options } = visit;
  const back = ownPath(query.get("back"), "/");
  const token = query.get("token");
  if (token === null) {
    if (visit.isSignedIn) return seeOther(back);
    const note = query.has("needed") ? words.signIn.needed : query.has("out") ? words.signIn.out : undefined;
    return page(
      visit,
      <SignIn frame={visit} token={null} back={back} note={note} providerUrl={providerUrl(visit, back)} />,
    );
  }
  if (!(await isValid(visit, token))) return invalid(visit, back);
  return page(
    visit,
    <SignIn
      frame={{ ...visit, here: "/signin" }}
      token={token}
      back={back}
      providerUrl={options.signInUrl ?? null}
    />,
    {
      isSecretAddress: true,
    },
  );
}

/** The token is not in it: it would stay in the browser's history. */
function signInPath(form: URLSearchParams): string {
  const back = backOf(form, "/");
  return back === "/" ? "/signin" : `/signin?back=${encodeURIComponent(back)}`;
}

async function signIn(visit: Visit): Promise<Response> {
  const token = (visit.form.get("token") ?? "").trim();
  const back = backOf(visit.form, "/");
  if (!(await isValid(visit, token))) return invalid(visit, back);
  return seeOther(back, [setCookie(SESSION, token)]);
}

/** The cart stays: it names products, not people. */
function signOut(): Response {
  return seeOther(
    "/signin?out=1",
    [SESSION, DETAILS, KEY, PLACED, PRICES].map((name) => clearCookie(name)),
  );
}

function preferences(visit: Visit): Response {
  const { language, theme } = chosenPreferences(visit);
  return seeOther(visit.here, [preferencesCookie(language, theme)]);
}

/** What the pressed button chose; the other one stays. */
export function chosenPreferences({ form, language, theme }: Visit): Pick<Visit, "language" | "theme"> {
  return {
    language: LANGUAGES.find((code) => code === form.get("language")) ?? language,
    theme: THEMES.find((name) => name === form.get("theme")) ?? theme,
  };
}

function invalid(visit: Visit, back: string): Response {
  const note = visit.words.signIn.invalid;
  const content = (
    <SignIn
      frame={{ ...visit, here: "/signin" }}
      token={null}
      back={back}
      note={note}
      providerUrl={providerUrl(visit, back)}
    />
  );
  return page(visit, content, { status: 422 });
}

/** A cookie takes about 4 KB, and a token has no other characters. */
async function isValid({ options, request }: Visit, token: string): Promise<boolean> {
  if (token.length > MAX_TOKEN_LENGTH || !/^[\w-]+\.[\w-]+\.[\w-]+$/.test(token)) return false;
  const { userId, isSignInUnknown } = await sessionOf(token, request, options);
  if (isSignInUnknown) throw new SignInUnknown();
  return userId !== null;
}

/** The provider sends the browser back to `return`. Never an address of the request: whoever sends it can choose the Host. */
function providerUrl({ options: { signInUrl, shopUrl } }: Visit, back: string): string | null {
  if (signInUrl === undefined || shopUrl === undefined) return null;
  const url = new URL(signInUrl);
  url.searchParams.set("return", `${shopUrl}/signin?back=${encodeURIComponent(back)}`);
  return url.href;
}
