// One request to the console, read once: who is signed in, and how they want pages to look. Handlers get it and return a Response.
import { cookiesOf, setCookie } from "../web/cookies.ts";
import { ownPath } from "../web/own-path.ts";
import { type Actor, objectionTo } from "./actor.ts";
import type { ConsoleOptions } from "./options.ts";
import { SESSION, type Session } from "./session.ts";

export type Theme = "auto" | "light" | "dark";
export const THEMES: readonly Theme[] = ["auto", "light", "dark"];
type Zone = "local" | "utc";
export const ZONES: readonly Zone[] = ["local", "utc"];

/** Theme and time zone. */
const PREFERENCES = "__Host-console-view";
const YEAR_SECONDS = 365 * 24 * 60 * 60;

/** What every page shows around its content. */
export interface Frame {
  /** Null on the sign-in page. */
  readonly actor: Actor | null;
  /** Why this person may not act here; null if they may. */
  readonly objection: string | null;
  readonly theme: Theme;
  readonly zone: Zone;
  readonly nonce: string;
  /** Path and query of this page, for the forms that lead back to it. For a POST of the page before. */
  readonly here: string;
  /** Epoch ms. */
  readonly now: number;
}

export interface Visit extends Frame {
  readonly request: Request;
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** Fields of the posted form. Empty for a GET. */
  readonly form: URLSearchParams;
  readonly session: Session | null;
  readonly options: ConsoleOptions;
}

/** A visit of somebody who is signed in. */
export interface SignedIn extends Visit {
  readonly actor: Actor;
  readonly session: Session;
}

export async function readVisit(
  request: Request,
  params: Readonly<Record<string, string>>,
  form: URLSearchParams,
  options: ConsoleOptions,
): Promise<Visit> {
  const cookies = cookiesOf(request.headers.get("cookie"));
  const now = options.clock.now();
  const session = await trustedSession(
    await options.sessions.read(cookies.get(SESSION) ?? "", now),
    request,
    options,
  );
  const { pathname, search, searchParams } = new URL(request.url);
  const [theme, zone] = (cookies.get(PREFERENCES) ?? "").split(".");
  return {
    request,
    params,
    form,
    options,
    session,
    query: searchParams,
    actor: session?.actor ?? null,
    objection: session === null ? null : objectionTo(session.actor, options.isReadOnly),
    theme: THEMES.find((one) => one === theme) ?? "auto",
    zone: ZONES.find((one) => one === zone) ?? "local",
    nonce: crypto.getRandomValues(new Uint8Array(16)).toBase64(),
    here: hereOf(request, `${pathname}${search}`),
    now,
  };
}

/**
 * The session, if its token still counts: the key that signed it may be trusted no longer since the restart. Null otherwise, and also while
 * nobody can tell.
 */
async function trustedSession(
  session: Session | null,
  request: Request,
  options: ConsoleOptions,
): Promise<Session | null> {
  if (session === null) return null;
  // The identity provider vouched for them, if it still is the one for this console.
  if (session.token === null) return options.oidc === null ? null : session;
  try {
    const found = await options.identify(session.token);
    return "refused" in found ? null : { ...session, actor: { name: found.name, role: found.role } };
  } catch (error) {
    options.onError(error, request);
    return null;
  }
}

/** After a POST the page that the form was on: nothing can be read at the form's own address. Never another site's. */
function hereOf(request: Request, path: string): string {
  if (request.method === "GET" || request.method === "HEAD") return ownPath(path, "/");
  const from = URL.parse(request.headers.get("referer") ?? "");
  return from === null ? "/" : ownPath(`${from.pathname}${from.search}`, "/");
}

/** Whether whoever opened a page that stays open is still signed in. */
export async function isStillSignedIn({ session, request, options }: SignedIn): Promise<boolean> {
  if (!options.sessions.isOpen(session, options.clock.now())) return false;
  return (await trustedSession(session, request, options)) !== null;
}

export function isSignedIn(visit: Visit): visit is SignedIn {
  return visit.session !== null && visit.actor !== null;
}

export function preferencesCookie(theme: Theme, zone: Zone): string {
  return setCookie(PREFERENCES, `${theme}.${zone}`, YEAR_SECONDS, "Strict");
}
