// The console's script. Every page works without it; with it, pages follow live, times are local, keys work, acts stay on the page, and texts
// can be copied. Served as it is.

const MESSAGE_MS = 6_000;
/** How long after `g` the second key counts. */
const GO_MS = 1_500;
/** Between two looks whether a page that could not be shown can be by now. */
const COMES_BACK_MS = 3_000;
const root = document.documentElement;

root.setAttribute("data-js", "");
times(document);
setInterval(() => times(document), 1_000);
document.addEventListener("click", onClick);
document.addEventListener("submit", onSubmit);
document.addEventListener("keydown", onKey);
// It does not bubble.
document.addEventListener("close", showWaiting, true);
follow();
comeBack();
openTarget();
addEventListener("hashchange", openTarget);

/** Times as this person wants them; "3 min ago" stays true. @param {ParentNode} part */
function times(part) {
  const isUtc = root.dataset["zone"] === "utc";
  for (const time of part.querySelectorAll("time")) {
    const at = Date.parse(time.dateTime);
    const text = timeText(at, time.dataset["show"] ?? "", isUtc);
    if (time.textContent !== text) time.textContent = text;
  }
}

/** @param {number} at @param {string} show @param {boolean} isUtc */
function timeText(at, show, isUtc) {
  const now = Date.now();
  if (show === "ago") return agoText(at, now);
  if (show === "for") return durationText(now - at);
  const local = isoText(at, isUtc);
  if (show === "clock") return local.slice(11, 23);
  if (show === "second") return local.slice(11, 19);
  if (show === "since" && local.slice(0, 10) !== isoText(now, isUtc).slice(0, 10))
    return local.slice(0, 16).replace("T", " ");
  return show === "minute" || show === "since" ? local.slice(11, 16) : local.slice(0, 19).replace("T", " ");
}

/** Shifted, so that the ISO text shows the local time. @param {number} at @param {boolean} isUtc */
function isoText(at, isUtc) {
  const date = new Date(at);
  return new Date(isUtc ? at : at - date.getTimezoneOffset() * 60_000).toISOString();
}

/** @param {number} at @param {number} now */
function agoText(at, now) {
  const ms = Math.abs(now - at);
  if (ms < 1_000) return "now";
  const seconds = Math.round(ms / 1_000);
  const text = seconds < 120 ? `${seconds} s` : durationText(ms);
  return now >= at ? `${text} ago` : `in ${text}`;
}

/** As words.ts does it on the server. @param {number} ms */
function durationText(ms) {
  const seconds = Math.max(0, ms) / 1_000;
  if (seconds < 1) return `${Math.round(seconds * 1_000)} ms`;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.round(seconds / 3_600)} h`;
  return `${Math.round(seconds / 86_400)} d`;
}

/** @param {MouseEvent} event */
function onClick(event) {
  if (!(event.target instanceof Element)) return;
  const button = event.target.closest("button");
  if (!button) return;
  const { opens, copy, closes } = button.dataset;
  if (button.getAttribute("aria-disabled") === "true") {
    event.preventDefault();
    say(button.title);
  } else if (opens !== undefined) openDialog(opens);
  else if (copy !== undefined) void copyText(copy);
  else if (closes !== undefined) button.closest("dialog")?.close();
}

/** The browser keeps the focus inside, and gives it back when the dialog closes. @param {string} id */
function openDialog(id) {
  const dialog = document.getElementById(id);
  if (dialog instanceof HTMLDialogElement && !dialog.open) dialog.showModal();
}

/** @param {string} text */
async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    say("Copied.");
  } catch {
    say("This browser does not let a page copy. Select the text instead.");
  }
}

/** @type {ReturnType<typeof setTimeout> | undefined} */
let messageTimer;
/** One voice for all, for a while: a text that stays would not be read again. @param {string} text */
function say(text) {
  const message = document.getElementById("message");
  if (!message) return;
  message.textContent = text;
  message.classList.add("is-shown");
  clearTimeout(messageTimer);
  messageTimer = setTimeout(() => {
    message.classList.remove("is-shown");
    message.textContent = "";
  }, MESSAGE_MS);
}

/** @param {SubmitEvent} event */
function onSubmit(event) {
  const form = event.target;
  if (!(form instanceof HTMLFormElement) || !form.matches("[data-act]")) return;
  event.preventDefault();
  void act(form);
}

/** Does it without leaving the page: what was typed stays when it is refused. @param {HTMLFormElement} form */
async function act(form) {
  if (form.getAttribute("aria-busy") === "true") return;
  const error = form.querySelector("[data-error]");
  const showError = (/** @type {string} */ text) => {
    if (error) error.textContent = text;
  };
  form.setAttribute("aria-busy", "true");
  showError("");
  try {
    const fields = new URLSearchParams();
    for (const [name, value] of new FormData(form)) if (typeof value === "string") fields.append(name, value);
    const answer = await fetch(form.action, {
      method: "POST",
      body: fields,
      headers: { accept: "application/json" },
    });
    const body = await answer.json();
    if (!answer.ok) return showError(body.detail ?? body.title ?? `The console answered ${answer.status}.`);
    form.closest("dialog")?.close();
    form.reset();
    say(body.message ?? "Done.");
    if (body.next) location.assign(body.next);
    else if (!document.querySelector("[data-live]")) setTimeout(() => location.reload(), 800);
  } catch {
    showError("There was no answer. It may have been done: look before you try again.");
  } finally {
    form.removeAttribute("aria-busy");
  }
}

/** Follows the page's stream while the tab is seen. */
function follow() {
  const main = document.getElementById("content");
  const address = main?.dataset["live"];
  if (!main || address === undefined) return;
  /** @type {EventSource | null} */
  let events = null;
  const start = () => {
    if (events !== null || document.hidden) return;
    events = new EventSource(address);
    events.addEventListener("open", () => liveState("live"));
    events.addEventListener("parts", (event) => {
      liveState("live");
      showParts(JSON.parse(event.data));
    });
    events.addEventListener("error", () => {
      // The browser tries again by itself, unless the server said no: then a reload shows why.
      if (events?.readyState !== EventSource.CLOSED) return liveState("lost");
      liveState("ended");
      events = null;
      setTimeout(start, 5_000);
    });
  };
  const stop = () => {
    events?.close();
    events = null;
    liveState("paused");
  };
  document.addEventListener("visibilitychange", () => (document.hidden ? stop() : start()));
  start();
}

/** A page for which a server was missing comes as soon as it can, unless somebody types here. */
function comeBack() {
  if (document.getElementById("content")?.dataset["comesBack"] === undefined) return;
  const look = async () => {
    if (!document.hidden && !isTyping(document.activeElement)) {
      const answer = await fetch(location.href, { method: "HEAD" }).catch(() => null);
      if (answer !== null && answer.status !== 503 && !isTyping(document.activeElement))
        return location.reload();
    }
    setTimeout(() => void look(), COMES_BACK_MS);
  };
  setTimeout(() => void look(), COMES_BACK_MS);
}

/** @param {"live" | "lost" | "paused" | "ended"} state */
function liveState(state) {
  const texts = {
    live: "Live.",
    lost: "Connection lost; trying again.",
    paused: "Paused while this tab is hidden.",
    ended: "Connection lost; trying again.",
  };
  const place = document.querySelector("[data-live-state]");
  if (place && place.textContent !== texts[state]) place.textContent = texts[state];
}

/** What came for a part while a dialog in it was open. @type {Map<string, string>} */
const waiting = new Map();

/** Whoever was typing in the dialog was not interrupted. */
function showWaiting() {
  const parts = Object.fromEntries(waiting);
  waiting.clear();
  showParts(parts);
}

/** Replaces the parts that changed; what was open stays open, and who stood in one stays there. @param {Record<string, string>} parts */
function showParts(parts) {
  for (const [id, html] of Object.entries(parts)) {
    const part = document.getElementById(id);
    if (!part) continue;
    if (part.querySelector("dialog[open]")) {
      waiting.set(id, html);
      continue;
    }
    waiting.delete(id);
    const before = [...part.querySelectorAll("details")];
    const wasOpen = new Map(before.map((one, index) => [one.id || index, one.open]));
    const focused = part.contains(document.activeElement) ? markOf(part, document.activeElement) : null;
    const rows = rowMarksOf(part);
    part.innerHTML = html;
    for (const [href, marks] of rows) rowOf(part, href)?.classList.add(...marks);
    for (const [index, one] of [...part.querySelectorAll("details")].entries())
      if (wasOpen.get(one.id || index) === true) one.open = true;
    times(part);
    if (focused !== null) {
      const row = focused.href === null ? null : rowOf(part, focused.href);
      const again =
        row?.querySelectorAll(FOCUSABLE)[focused.inRow] ?? part.querySelectorAll(FOCUSABLE)[focused.at];
      if (again instanceof HTMLElement || again instanceof SVGElement) again.focus({ preventScroll: true });
    }
  }
}

const FOCUSABLE = "a[href], button, summary, pre[tabindex]";

/** In a row it counts from there: rows may come above. @param {HTMLElement} part @param {Element | null} element */
function markOf(part, element) {
  const indexIn = (/** @type {Element} */ place) =>
    [...place.querySelectorAll(FOCUSABLE)].findIndex((one) => one === element);
  const at = indexIn(part);
  if (at < 0) return null;
  const row = element?.closest("tr[data-href]");
  return { at, href: row?.getAttribute("data-href") ?? null, inRow: row ? indexIn(row) : -1 };
}

const ROW_MARKS = ["is-current", "is-selected"];

/** Which rows somebody has marked with j, k and x, by what they lead to. @param {HTMLElement} part */
function rowMarksOf(part) {
  return [...part.querySelectorAll("tr[data-href]")]
    .map((row) => ({
      href: row.getAttribute("data-href") ?? "",
      marks: ROW_MARKS.filter((mark) => row.classList.contains(mark)),
    }))
    .filter(({ marks }) => marks.length > 0)
    .map(({ href, marks }) => /** @type {const} */ ([href, marks]));
}

/** @param {HTMLElement} part @param {string} href */
function rowOf(part, href) {
  return part.querySelector(`tr[data-href="${CSS.escape(href)}"]`);
}

/** The row of a link such as #m-0190... is opened. */
function openTarget() {
  const row =
    location.hash.length > 1 ? document.getElementById(decodeURIComponent(location.hash.slice(1))) : null;
  const details = row?.querySelector("details");
  if (details) details.open = true;
}

let goUntil = 0;
/** Never while somebody types, and never with another key held. @param {KeyboardEvent} event */
function onKey(event) {
  const { key, target } = event;
  if (event.ctrlKey && key === "k") return find(event);
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(target)) return;
  if (document.querySelector("dialog[open]")) return;
  if (Date.now() < goUntil) {
    goUntil = 0;
    const link = document.querySelector(`[data-go="${CSS.escape(key)}"]`);
    if (link instanceof HTMLAnchorElement) link.click();
    return;
  }
  if (key === "g") goUntil = Date.now() + GO_MS;
  else if (key === "/") find(event);
  else if (key === "?") openDialog("keys");
  else if (key === "r") location.reload();
  else if (key === "j") move(1);
  else if (key === "k") move(-1);
  else if (key === "x") select();
  else if (key === "c") copyIds();
  else if (key === "Enter" && (target === document.body || target === document.getElementById("content")))
    openRow();
}

/** @param {EventTarget | null} target */
function isTyping(target) {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || target.matches("input:not([type=checkbox]), textarea, select"))
  );
}

/** @param {KeyboardEvent} event */
function find(event) {
  const field = document.querySelector("[data-find]");
  if (!(field instanceof HTMLInputElement)) return;
  event.preventDefault();
  field.focus();
  field.select();
}

/** The next or previous row of the page's tables. Its link gets the focus, so Enter opens it. @param {number} by */
function move(by) {
  const rows = [...document.querySelectorAll("[data-rows] tbody tr")];
  if (rows.length === 0) return;
  const at = rows.findIndex((row) => row.classList.contains("is-current"));
  const next = rows[Math.min(rows.length - 1, Math.max(0, at + by))];
  for (const row of rows) row.classList.toggle("is-current", row === next);
  const link = next?.querySelector("a");
  link?.focus();
  next?.scrollIntoView({ block: "nearest" });
}

/** The current row is selected, or no longer. Nothing happens to it before its id is copied. */
function select() {
  const row = document.querySelector("tr.is-current[data-href]");
  if (!row) return say("Go to a row with j or k first.");
  row.classList.toggle("is-selected");
  const { length } = document.querySelectorAll("tr.is-selected");
  say(
    length === 0
      ? "No row is selected."
      : `${length} selected; c copies ${length === 1 ? "its id" : "their ids"}.`,
  );
}

/** One a line, as files and lists of arguments take them. */
function copyIds() {
  const rows = [...document.querySelectorAll("tr.is-selected")];
  const ids = rows.map((row) =>
    decodeURIComponent((row.getAttribute("data-href") ?? "").split("/").at(-1) ?? ""),
  );
  if (ids.length === 0) return say("No row is selected: x selects one.");
  void copyText(ids.join("\n"));
}

function openRow() {
  const row = document.querySelector("tr.is-current[data-href]");
  if (row instanceof HTMLElement) location.assign(row.dataset["href"] ?? "");
}
