// The frame of every page: head, bar, main, footer. Works without scripts; theme and time zone come from a cookie, so the first paint is
// already right.
import type { ComponentChildren } from "preact";
import { assets } from "../assets.ts";
import { MAX_FIELD_LENGTH } from "../limits.ts";
import { STYLE_SHEET } from "../style-sheet.ts";
import { type Frame, THEMES, ZONES } from "../visit.ts";
import { Icon } from "./icon.tsx";
import { STALE_ID } from "./stale.tsx";
import { When } from "./when.tsx";

/** The second key of `g o`, `g s`, ... */
const NAVIGATION = [
  { id: "overview", path: "/", text: "Overview", key: "o" },
  { id: "sagas", path: "/sagas", text: "Sagas", key: "s" },
  { id: "dead-letters", path: "/dead-letters", text: "Dead letters", key: "d" },
  { id: "runs", path: "/runs", text: "Runs", key: "u" },
  { id: "payments", path: "/payments", text: "Payments", key: "p" },
  { id: "topics", path: "/topics", text: "Topics", key: "t" },
  { id: "graphs", path: "/graphs", text: "Graphs", key: "h" },
  { id: "audit", path: "/audit", text: "Audit", key: "a" },
] as const;
type NavigationId = (typeof NAVIGATION)[number]["id"];

const THEME_WORDS = { auto: "System", light: "Light", dark: "Dark" };
const ZONE_WORDS = { local: "Local", utc: "UTC" };

export interface PageProps {
  readonly frame: Frame;
  readonly title: string;
  readonly current?: NavigationId | undefined;
  /** The address of the page's event stream: its parts are replaced as they change. */
  readonly live?: string | undefined;
  /** The page stands for one that cannot be shown now: it asks for that again until it can. */
  readonly comesBack?: boolean;
  /** It shows what may change, and does not follow. Default: every page of the bar that is not live. */
  readonly isStill?: boolean;
  /** Styles and scripts of this page alone. */
  readonly head?: ComponentChildren;
  readonly children: ComponentChildren;
}

export function Page(props: PageProps) {
  const { frame, title, current, live, comesBack = false, head, children } = props;
  const { isStill = live === undefined && current !== undefined } = props;
  const { theme, zone, nonce, actor } = frame;
  return (
    <html lang="en" data-theme={theme} data-zone={zone}>
      <head>
        <meta charset="utf-8" />
        <title>{`${title} · Checkout console`}</title>
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content={theme === "auto" ? "light dark" : theme} />
        <meta name="format-detection" content="telephone=no" />
        <meta name="robots" content="noindex" />
        <style nonce={nonce} dangerouslySetInnerHTML={{ __html: STYLE_SHEET }} />
        <link rel="icon" href={assets.icon.path} type="image/svg+xml" />
        <script type="module" nonce={nonce} src={assets.script.path} integrity={assets.script.integrity} />
        {head}
      </head>
      <body>
        <a class="skip" href="#content">
          Skip to the content
        </a>
        <Bar frame={frame} current={current} />
        <main
          id="content"
          tabIndex={-1}
          {...(live === undefined ? {} : { "data-live": live })}
          {...(comesBack ? { "data-comes-back": "" } : {})}
        >
          {live === undefined ? null : <div id={STALE_ID} role="status" />}
          {isStill ? <AsOf frame={frame} /> : null}
          {children}
        </main>
        <p id="message" class="message" role="status" />
        <Footer frame={frame} />
        {actor === null ? null : <KeyHelp />}
      </body>
    </html>
  );
}

/** The ages on a page go on although nothing else does: so one that does not follow says of when it is. */
function AsOf({ frame: { now, here } }: Pick<PageProps, "frame">) {
  return (
    <p class="as-of small soft">
      As of <When at={now} show="second" />. <a href={here}>Load again</a> <span data-needs-js>(r)</span>
    </p>
  );
}

function Bar({ frame, current }: Pick<PageProps, "frame" | "current">) {
  const { actor } = frame;
  return (
    <header class="top">
      <div class="top-in">
        <a class="brand" href="/">
          <svg viewBox="0 0 32 32" width="22" height="22" aria-hidden="true" focusable="false">
            <path
              d="M3 10h11v7h15M24 12l5 5-5 5"
              fill="none"
              stroke="currentColor"
              stroke-width="3"
              stroke-linecap="round"
              stroke-linejoin="round"
            />
          </svg>
          <span>Checkout console</span>
        </a>
        {actor === null ? null : (
          <>
            <nav aria-label="Main">
              {NAVIGATION.map(({ id, path, text, key }) => (
                <a key={id} href={path} data-go={key} {...(id === current ? { "aria-current": "page" } : {})}>
                  {text}
                </a>
              ))}
            </nav>
            <form class="find" action="/find" role="search">
              <input
                type="search"
                name="q"
                aria-label="Find by any id, or by a product's name"
                placeholder="Id or product ( / )"
                autocomplete="off"
                spellcheck={false}
                maxLength={MAX_FIELD_LENGTH}
                required
                data-find
              />
            </form>
            <div class="who">
              <a href="/me">
                <Icon name="person" /> {actor.name}
              </a>
              <form method="post" action="/sign-out">
                <button class="link">Sign out</button>
              </form>
            </div>
          </>
        )}
      </div>
    </header>
  );
}

function Footer({ frame }: { readonly frame: Frame }) {
  const { theme, zone, here, actor } = frame;
  return (
    <footer class="bottom">
      <div class="bottom-in">
        <p>
          {actor === null ? null : (
            <>
              <span data-live-state role="status" />
              <button type="button" class="link" data-needs-js data-opens="keys">
                Keys (?)
              </button>
            </>
          )}
        </p>
        <form method="post" action="/preferences" class="choices">
          <input type="hidden" name="back" value={here} />
          <span>Times</span>
          {ZONES.map((name) => (
            <button key={name} class="choice" name="zone" value={name} aria-pressed={name === zone}>
              {ZONE_WORDS[name]}
            </button>
          ))}
        </form>
        <form method="post" action="/preferences" class="choices">
          <input type="hidden" name="back" value={here} />
          <span>Theme</span>
          {THEMES.map((name) => (
            <button key={name} class="choice" name="theme" value={name} aria-pressed={name === theme}>
              {THEME_WORDS[name]}
            </button>
          ))}
        </form>
      </div>
    </footer>
  );
}

const KEYS = [
  ["/", "find by any id, or by a product's name"],
  ...NAVIGATION.map(({ key, text }) => [`g ${key}`, `go to ${text}`] as const),
  ["j, k", "next and previous row"],
  ["Enter", "open the row"],
  ["x", "select the row, or no longer"],
  ["c", "copy the ids of the selected rows"],
  ["r", "load the page again"],
  ["?", "these keys"],
  ["Esc", "close"],
] as const;

function KeyHelp() {
  return (
    <dialog id="keys" aria-labelledby="keys-title">
      <h2 id="keys-title">Keys</h2>
      <table>
        <thead class="visually-hidden">
          <tr>
            <th>Key</th>
            <th>What it does</th>
          </tr>
        </thead>
        <tbody>
          {KEYS.map(([key, text]) => (
            <tr key={key}>
              <th scope="row" class="mono">
                {key}
              </th>
              <td>{text}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <form method="dialog" class="buttons">
        <button class="button quiet">Close</button>
      </form>
    </dialog>
  );
}
