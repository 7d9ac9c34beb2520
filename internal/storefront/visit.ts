// One request to the storefront, read once: who visits, in which language, with which cart. Handlers get it and return a Response.
import { AppError } from "../kernel/errors.ts";
import { type Cart, cartOf, cartText, pieces } from "./cart.ts";
import { cookiesOf, setCookie } from "../web/cookies.ts";
import { CART, PREFERENCES, SESSION } from "./cookies.ts";
import { type Language, LANGUAGES, languageOf } from "./format.ts";
import type { StorefrontOptions } from "./options.ts";
import { type Words, wordsOf } from "./words/words.ts";

export type Theme = "auto" | "light" | "dark";
export const THEMES: readonly Theme[] = ["auto", "light", "dark"];

/** What every page shows around its content. */
export interface Frame {
  readonly words: Words;
  readonly language: Language;
  readonly theme: Theme;
  readonly nonce: string;
  readonly isSignedIn: boolean;
  readonly cartPieces: number;
  /** Path and query of this page, for the forms that lead back to it. After a POST, of the page that its form stands on. */
  readonly here: string;
  readonly shopName: string;
}

export interface Visit extends Frame {
  readonly request: Request;
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly cookies: ReadonlyMap<string, string>;
  readonly cart: Cart;
  readonly userId: string | null;
  /** There is a session, and nobody can say now whose it is: the keys that verify it are away. */
  readonly isSignInUnknown: boolean;
  readonly options: StorefrontOptions;
  /** Epoch ms. */
  readonly now: number;
  /** Fields of the posted form. Empty for a GET. */
  readonly form: URLSearchParams;
}

const YEAR_SECONDS = 365 * 24 * 60 * 60;
/** A cart is kept this long. */
const CART_SECONDS = 60 * 24 * 60 * 60;

export async function readVisit(
  request: Request,
  params: Readonly<Record<string, string>>,
  form: URLSearchParams,
  options: StorefrontOptions,
  here: string,
): Promise<Visit> {
  const cookies = cookiesOf(request.headers.get("cookie"));
  const chosen = preferencesOf(cookies.get(PREFERENCES));
  const language = chosen.language ?? languageOf(request.headers.get("accept-language"), "en");
  const token = cookies.get(SESSION) ?? "";
  const { userId, isSignInUnknown } = await sessionOf(token, request, options);
  const cart = cartOf(cookies.get(CART));
  return {
    request,
    params,
    form,
    options,
    cookies,
    cart,
    userId,
    isSignInUnknown,
    query: new URL(request.url).searchParams,
    words: wordsOf(language),
    language,
    theme: chosen.theme,
    nonce: crypto.getRandomValues(new Uint8Array(16)).toBase64(),
    isSignedIn: userId !== null,
    cartPieces: pieces(cart),
    here,
    shopName: options.shopName,
    now: options.clock.now(),
  };
}

type Session = Pick<Visit, "userId" | "isSignInUnknown">;

/** Whose session it is. Pages that are the same for everybody do without; the others say that it cannot be checked now. */
export async function sessionOf(
  token: string,
  request: Request,
  options: StorefrontOptions,
): Promise<Session> {
  if (token === "") return { userId: null, isSignInUnknown: false };
  try {
    return { userId: await options.userOf(token), isSignInUnknown: false };
  } catch (error) {
    if (!(error instanceof AppError && error.canRetry)) throw error;
    options.onError(error, request);
    return { userId: null, isSignInUnknown: true };
  }
}

/** The same visit with another cart, for a page that has just changed it. */
export function withCart(visit: Visit, cart: Cart): Visit {
  return { ...visit, cart, cartPieces: pieces(cart) };
}

export function cartCookie(cart: Cart): string {
  return setCookie(CART, cartText(cart), CART_SECONDS);
}

export function preferencesCookie(language: Language, theme: Theme): string {
  return setCookie(PREFERENCES, `${language}.${theme}`, YEAR_SECONDS);
}

function preferencesOf(text = ""): { language: Language | undefined; theme: Theme } {
  const [first, second] = text.split(".");
  return {
    language: LANGUAGES.find((language) => language === first),
    theme: THEMES.find((theme) => theme === second) ?? "auto",
  };
}
