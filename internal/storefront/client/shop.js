// @ts-check
// What scripts add to pages that work without them: the cart changes in place, the order button can be pressed once, the status page is
// live, times are local. Served as it is here. No page depends on it.

const MESSAGE_MS = 8_000;

/** Ends when what was said is old. */
let messageTimer = 0;
/** The presses of "Add" so far. */
let adding = Promise.resolve();
document.documentElement.setAttribute("data-js", "");
localTimes(document);
document.addEventListener("submit", onSubmit);
document.querySelector("[data-print]")?.addEventListener("click", () => window.print());
document.getElementById("errors")?.focus();
const live = document.getElementById("live");
if (live?.dataset["events"]) follow(live);
timeLeft();
if (live) setInterval(timeLeft, 500);
// A page out of the browser's memory shows an old cart and an old order.
window.addEventListener("pageshow", (event) => event.persisted && location.reload());

/** @param {ParentNode} root */
function localTimes(root) {
  const page = document.documentElement.lang;
  // The shopper's own region, if it speaks the language of the page.
  const language = navigator.languages.find((tag) => tag.startsWith(page)) ?? page;
  for (const time of root.querySelectorAll("time")) {
    const shown = time.dataset["show"];
    const date = new Date(time.dateTime);
    if (Number.isNaN(date.getTime())) continue;
    /** @type {Intl.DateTimeFormatOptions} */
    const options = {
      ...(shown === "time" ? {} : { dateStyle: "long" }),
      ...(shown === "day" ? {} : { timeStyle: "short" }),
    };
    time.textContent = new Intl.DateTimeFormat(language, options).format(date);
  }
}

/**
 * The time left to confirm at the bank. Screen readers do not announce a timer. With reduced motion it changes every 15 s.
 */
function timeLeft() {
  const step = matchMedia("(prefers-reduced-motion: reduce)").matches ? 15 : 1;
  for (const timer of document.querySelectorAll("[data-until]")) {
    if (!(timer instanceof HTMLElement)) continue;
    // How far this browser's clock is ahead of the shop's, known when the timer came.
    timer.dataset["ahead"] ??= String(Date.now() - Number(timer.dataset["now"]));
    const now = Date.now() - Number(timer.dataset["ahead"]);
    const leftMs = Date.parse(timer.dataset["until"] ?? "") - now;
    const left = Math.max(0, Math.floor(leftMs / 1_000 / step) * step);
    const text = (timer.dataset["left"] ?? "")
      .replace("{m}", String(Math.floor(left / 60)))
      .replace("{s}", String(left % 60));
    if (timer.textContent !== text) timer.textContent = text;
    warn(leftMs);
  }
}

/** Said once: whoever needs more time can still ask for it. As in parts/bank-wait.tsx. @param {number} leftMs */
function warn(leftMs) {
  const soon = document.querySelector("[data-soon]");
  if (soon instanceof HTMLElement && soon.textContent === "" && leftMs <= 60_000)
    soon.textContent = soon.dataset["soon"] ?? "";
}

/** @param {SubmitEvent} event */
function onSubmit(event) {
  const form = event.target;
  if (!(form instanceof HTMLFormElement)) return;
  // A button that leads elsewhere, as language and theme do, orders nothing.
  if (event.submitter?.hasAttribute("formaction")) return;
  if (form.matches("[data-add]")) {
    event.preventDefault();
    // The cart is a cookie: a press that did not wait would add to the cart as it was before the one before.
    const fields = fieldsOf(form);
    adding = adding.then(() => inTurn(() => add(form, fields)));
  } else if (form.matches("[data-checkout]")) {
    event.preventDefault();
    void place(form);
  } else if (form.matches("[data-more-time]")) {
    event.preventDefault();
    void moreTime(form);
  }
}

/** Not at the same time as another tab either, where the browser has locks. @param {() => Promise<void>} work @returns {Promise<void>} */
async function inTurn(work) {
  return "locks" in navigator ? navigator.locks.request("cart", work).catch(work) : work();
}

/**
 * The live updates show what comes of it. An answer with another page is the sign-in: the session has ended.
 * @param {HTMLFormElement} form
 */
async function moreTime(form) {
  const answer = await send(form, fieldsOf(form), "text/html").catch(() => null);
  if (!answer?.ok || new URL(answer.url).pathname !== location.pathname) form.submit();
}

/** Adds to the cart without leaving the page. @param {HTMLFormElement} form @param {URLSearchParams} fields */
async function add(form, fields) {
  try {
    const answer = await send(form, fields, "application/json");
    if (!answer.ok) throw new Error(String(answer.status));
    const { count, text } = await answer.json();
    inCart(count);
    say(text);
  } catch {
    form.submit();
  }
}

/** @param {number} count */
function inCart(count) {
  const badge = document.getElementById("cart-count");
  if (!badge) return;
  badge.textContent = String(count);
  badge.hidden = count === 0;
}

/** In the status region, for a while: a text that stays would not be read again. @param {string} text */
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

/**
 * Sends the order once, whatever is pressed. Without an answer it sends the same key again, after 0.5, 1, 2 and 4 s, and then leaves
 * it to the shopper. @param {HTMLFormElement} form
 */
async function place(form) {
  if (form.dataset["busy"] !== undefined) return;
  const button = form.querySelector("[data-place]");
  const progress = form.querySelector("[data-progress]");
  if (!(button instanceof HTMLButtonElement)) return form.submit();
  const label = button.textContent;
  form.dataset["busy"] = "";
  // Not `disabled`: the button keeps the focus, and screen readers hear what it says now.
  button.setAttribute("aria-disabled", "true");
  button.textContent = form.dataset["placing"] ?? label;
  if (progress) progress.textContent = form.dataset["placingText"] ?? "";
  const isReady = await cardIsReady(form);
  for (const pauseMs of isReady ? [0, 500, 1_000, 2_000, 4_000] : []) {
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
    const answer = await send(form, fieldsOf(form), "text/html").catch(() => null);
    if (answer === null || answer.status >= 500) {
      unanswered(form);
      continue;
    }
    if (answer.redirected) return location.assign(answer.url);
    return show(await answer.text());
  }
  delete form.dataset["busy"];
  button.removeAttribute("aria-disabled");
  button.textContent = isReady ? (form.dataset["ask"] ?? label) : label;
  if (progress) progress.textContent = isReady ? (form.dataset["silent"] ?? "") : "";
}

/** The order may have been placed: from now on all answers keep to it, also a change of language or theme. @param {HTMLFormElement} form */
function unanswered(form) {
  if (form.elements.namedItem("unanswered")) return;
  form.append(
    Object.assign(document.createElement("input"), { type: "hidden", name: "unanswered", value: "1" }),
  );
}

/** The payment provider's fields make a payment method out of the card; card-fields.js listens. @param {HTMLFormElement} form */
async function cardIsReady(form) {
  /** @type {{ ready: Promise<boolean> | null }} */
  const detail = { ready: null };
  form.dispatchEvent(new CustomEvent("card-wanted", { detail }));
  return detail.ready === null ? true : detail.ready;
}

/** @param {HTMLFormElement} form */
function fieldsOf(form) {
  const fields = new URLSearchParams();
  for (const [name, value] of new FormData(form)) if (typeof value === "string") fields.append(name, value);
  return fields;
}

/** @param {HTMLFormElement} form @param {URLSearchParams} fields @param {string} accept */
function send(form, fields, accept) {
  return fetch(form.action, { method: "POST", body: fields, headers: { accept } });
}

/**
 * Shows the answer's content in place of this page's, with the focus on what is wrong. The footer's buttons belong to the form of the
 * content, or to none. @param {string} html
 */
function show(html) {
  // Without the styles: their nonce is not this page's, and browsers report them even where nothing is shown.
  const wanted = [/<title>.*?<\/title>/s, /<main.*<\/main>/s, /<footer.*<\/footer>/s];
  const parts = wanted.map((part) => part.exec(html)?.[0]);
  const page = new DOMParser().parseFromString(parts.join(""), "text/html");
  const [here, there] = [document.querySelector("main"), page.querySelector("main")];
  if (!here || !there) return location.reload();
  document.title = page.title;
  here.replaceChildren(...there.childNodes);
  document.querySelector("footer")?.replaceChildren(...(page.querySelector("footer")?.childNodes ?? []));
  localTimes(here);
  document.dispatchEvent(new Event("page-shown"));
  const target = document.getElementById("errors") ?? here;
  target.focus();
  target.scrollIntoView();
}

/** Server-sent events; when they fail, long polling with growing pauses. @param {HTMLElement} page */
function follow(page) {
  const events = new EventSource(page.dataset["events"] ?? "");
  let failures = 0;
  events.addEventListener("view", (event) => {
    failures = 0;
    if (update(page, JSON.parse(event.data))) events.close();
  });
  events.addEventListener("error", () => {
    failures += 1;
    connection(page, failures > 1);
    // The browser reconnects by itself, unless the server answered with an error.
    if (events.readyState === EventSource.CLOSED || failures > 3) {
      events.close();
      void poll(page);
    }
  });
}

/** @param {HTMLElement} page */
async function poll(page) {
  for (let pauseMs = 1_000; ; pauseMs = Math.min(pauseMs * 2, 15_000)) {
    const address = new URL(page.dataset["view"] ?? "", location.href);
    address.searchParams.set("seen", page.dataset["version"] ?? "");
    const answer = await fetch(address, { headers: { accept: "application/json" } }).catch(() => null);
    if (answer?.status === 404 || answer?.status === 401) return location.reload();
    if (answer?.ok) {
      pauseMs = 500;
      if (update(page, await answer.json())) return;
    }
    connection(page, !answer?.ok);
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}

/**
 * Shows a view; true if it is the last one.
 * @param {HTMLElement} page @param {{ version: string, stage: string, state: string, rest: string, done: boolean }} view
 */
function update(page, view) {
  connection(page, false);
  if (view.version !== page.dataset["version"]) {
    page.dataset["version"] = view.version;
    page.dataset["stage"] = view.stage;
    // The cookie follows with the next page.
    if (view.stage === "confirmed" && "thisCart" in page.dataset) inCart(0);
    for (const [id, html] of [
      ["state", view.state],
      ["rest", view.rest],
    ]) {
      const part = document.getElementById(id ?? "");
      if (!part) continue;
      const hadFocus = part.contains(document.activeElement);
      part.innerHTML = html ?? "";
      localTimes(part);
      timeLeft();
      // Who stood on a button that is gone goes on at the content, not at the top of the page.
      if (hadFocus) document.getElementById("content")?.focus();
    }
  }
  return view.done;
}

/** @param {HTMLElement} page @param {boolean} isBroken */
function connection(page, isBroken) {
  const text = document.getElementById("connection");
  if (text) text.textContent = isBroken ? (page.dataset["reconnecting"] ?? "") : "";
}
