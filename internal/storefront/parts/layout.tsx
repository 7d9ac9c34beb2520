// The frame of every page: head, header, main, footer. Works without scripts; the theme and language come from a cookie, so the first
// paint is already right.
import type { ComponentChildren } from "preact";
import { assets } from "../assets.ts";
import { LANGUAGES } from "../format.ts";
import { STYLE_SHEET } from "../style-sheet.ts";
import { type Frame, THEMES } from "../visit.ts";
import { wordsOf } from "../words/words.ts";
import { Icon } from "./art.tsx";

export interface PageProps {
  readonly frame: Frame;
  readonly title: string;
  readonly children: ComponentChildren;
  /** The page has a status region of its own, so the frame adds none. */
  readonly ownStatus?: boolean;
  /** Seconds until a browser without scripts loads the page again. */
  readonly refreshSeconds?: number | undefined;
  readonly current?: "products" | "orders" | "cart";
  /** Said in the status region as soon as the page is there. */
  readonly message?: string | undefined;
  /** The form whose fields must outlive a change of language or theme: those buttons belong to it then. */
  readonly keepsForm?: FormToKeep | undefined;
  /** Scripts that only this page needs. */
  readonly scripts?: ComponentChildren;
}

interface FormToKeep {
  readonly id: string;
  /** Takes the form and shows it again. */
  readonly action: string;
}

export function Page({
  frame,
  title,
  children,
  ownStatus = false,
  refreshSeconds,
  current,
  message,
  keepsForm,
  scripts,
}: PageProps) {
  const { words, language, theme, nonce, shopName } = frame;
  return (
    <html lang={language} data-theme={theme}>
      <head>
        <meta charset="utf-8" />
        <title>{`${title} · ${shopName}`}</title>
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content={theme === "auto" ? "light dark" : theme} />
        <meta name="format-detection" content="telephone=no" />
        {refreshSeconds === undefined ? null : (
          <noscript>
            <meta http-equiv="refresh" content={String(refreshSeconds)} />
          </noscript>
        )}
        <style nonce={nonce} dangerouslySetInnerHTML={{ __html: STYLE_SHEET }} />
        <link rel="icon" href={assets.icon.path} type="image/svg+xml" />
        <script type="module" nonce={nonce} src={assets.shop.path} integrity={assets.shop.integrity} />
        {scripts}
      </head>
      <body>
        <a class="skip" href="#content">
          {words.skip}
        </a>
        <Header frame={frame} current={current} />
        <main id="content" tabIndex={-1}>
          {ownStatus ? null : (
            <p id="message" class={message === undefined ? "message" : "message is-shown"} role="status">
              {message}
            </p>
          )}
          {children}
        </main>
        <Footer frame={frame} keepsForm={keepsForm} />
      </body>
    </html>
  );
}

function Header({ frame, current }: { readonly frame: Frame; readonly current: PageProps["current"] }) {
  const { words, shopName, cartPieces, isSignedIn } = frame;
  const here = (page: PageProps["current"]) => (page === current ? { "aria-current": "page" as const } : {});
  return (
    <header class="top">
      <div class="top-in">
        <a class="brand" href="/">
          <svg viewBox="0 0 32 32" width="32" height="32" aria-hidden="true" focusable="false">
            <path
              d="M16 29C7 26 4 18 6 6c6 1 10 5 10 12 0-7 4-11 10-12 2 12-1 20-10 23z"
              class="brand-leaf"
            />
            <path d="M16 29V18" class="brand-vein" />
          </svg>
          <span>{shopName}</span>
        </a>
        <nav aria-label={words.nav.main}>
          <a href="/" {...here("products")}>
            {words.nav.products}
          </a>
          <a href="/orders" {...here("orders")}>
            {words.nav.orders}
          </a>
          {isSignedIn ? (
            <form method="post" action="/signout">
              <button class="plain">{words.nav.signOut}</button>
            </form>
          ) : (
            <a href="/signin">{words.nav.signIn}</a>
          )}
          <a class="to-cart" href="/cart" {...here("cart")}>
            <Icon name="cart" />
            <span>{words.nav.cart}</span>
            <span class="count" id="cart-count" hidden={cartPieces === 0}>
              {cartPieces}
            </span>
          </a>
        </nav>
      </div>
    </header>
  );
}

interface FooterProps {
  readonly frame: Frame;
  readonly keepsForm: FormToKeep | undefined;
}

function Footer({ frame, keepsForm }: FooterProps) {
  const { words, language, theme, shopName } = frame;
  const belongs =
    keepsForm === undefined
      ? {}
      : ({ form: keepsForm.id, formAction: keepsForm.action, formNoValidate: true } as const);
  return (
    <footer class="bottom">
      <div class="bottom-in">
        <p>
          <strong>{shopName}</strong> {words.footer.line}
        </p>
        <Choices frame={frame} keepsForm={keepsForm} label={words.footer.language}>
          {LANGUAGES.map((code) => (
            <button
              key={code}
              class="choice"
              name="language"
              value={code}
              lang={code}
              aria-pressed={code === language}
              {...belongs}
            >
              {wordsOf(code).own}
            </button>
          ))}
        </Choices>
        <Choices frame={frame} keepsForm={keepsForm} label={words.footer.theme}>
          {THEMES.map((name) => (
            <button
              key={name}
              class="choice"
              name="theme"
              value={name}
              aria-pressed={name === theme}
              {...belongs}
            >
              {words.footer.themes[name]}
            </button>
          ))}
        </Choices>
      </div>
    </footer>
  );
}

function Choices({
  frame,
  keepsForm,
  label,
  children,
}: FooterProps & { readonly label: string; readonly children: ComponentChildren }) {
  if (keepsForm !== undefined)
    return (
      <div class="choices" role="group" aria-label={label}>
        {children}
      </div>
    );
  return (
    <form method="post" action="/preferences" class="choices" aria-label={label}>
      <input type="hidden" name="back" value={frame.here} />
      {children}
    </form>
  );
}

/** What is said instead of an empty list. */
export function Empty({
  title,
  hint,
  children,
}: {
  readonly title: string;
  readonly hint: string;
  readonly children?: ComponentChildren;
}) {
  return (
    <div class="empty">
      <svg viewBox="0 0 160 90" width="160" height="90" aria-hidden="true" focusable="false">
        <path d="M8 78h144" class="empty-ground" />
        <path d="M30 78V46h46v32zM84 78V34h34v44z" class="empty-box" />
        <path d="M30 56h46M53 46v32M84 46h34M101 34v44" class="empty-tape" />
        <path d="M134 78c0-14 2-22 10-30M134 66c-6-3-8-8-8-14 6 2 9 7 8 14" class="empty-leaf" />
      </svg>
      <h2>{title}</h2>
      <p>{hint}</p>
      {children}
    </div>
  );
}

/** A message across the page, with what to do about it. */
export function Notice({
  title,
  children,
}: {
  readonly title?: string;
  readonly children: ComponentChildren;
}) {
  return (
    <aside class="notice" aria-label={title}>
      <Icon name="note" />
      <div>
        {title === undefined ? null : <strong>{title}</strong>}
        {children}
      </div>
    </aside>
  );
}
