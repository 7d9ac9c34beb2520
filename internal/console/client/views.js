// Saved filters of the list of sagas: names for addresses, kept by this browser for each operator. Loaded by /sagas only; without scripts or
// storage the page works, and a bookmark does the same. What the storage holds is read with care: anybody at this browser can write it.

const MAX_VIEWS = 30;
/** Of the page itself, and no filter. */
const NOT_FILTERS = new Set(["after", "as", "again"]);

const views = document.querySelector("[data-views]");
if (views instanceof HTMLElement) start(views, `views:${views.dataset["views"]}`);

/** @typedef {{ name: string, query: string }} View */

/** @param {HTMLElement} place @param {string} key */
function start(place, key) {
  const list = place.querySelector("[data-views-list]");
  const form = place.querySelector("form");
  const field = place.querySelector("input");
  const status = place.querySelector("[role=status]");
  if (!list || !form || !field || !status) return;
  const show = () => list.replaceChildren(...read(key).map((view) => entryOf(view, () => remove(view))));
  /** @param {readonly View[]} kept @param {string} text */
  const keep = (kept, text) => {
    try {
      localStorage.setItem(key, JSON.stringify(kept));
      status.textContent = text;
    } catch {
      status.textContent = "This browser keeps nothing for this page: use a bookmark.";
    }
    show();
  };
  /** @param {View} view */
  const remove = (view) => {
    keep(
      read(key).filter(({ name }) => name !== view.name),
      `Removed ${view.name}.`,
    );
    field.focus();
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const name = field.value.trim();
    if (name === "") return;
    const others = read(key).filter((one) => one.name !== name);
    if (others.length >= MAX_VIEWS) {
      status.textContent = `There are ${MAX_VIEWS} views: remove one first.`;
      return;
    }
    keep([...others, { name, query: filterOf(location.search) }], `Saved ${name}.`);
    form.reset();
  });
  show();
}

/** @param {string} key @returns {readonly View[]} */
function read(key) {
  try {
    /** @type {unknown} */
    const stored = JSON.parse(localStorage.getItem(key) ?? "[]");
    return Array.isArray(stored) ? stored.filter(isView).slice(0, MAX_VIEWS) : [];
  } catch {
    return [];
  }
}

/** @param {any} one @returns {one is View} */
function isView(one) {
  return typeof one?.name === "string" && typeof one.query === "string";
}

/** @param {string} search */
function filterOf(search) {
  const fields = Array.from(new URLSearchParams(search));
  const filters = fields.filter(([name, value]) => value !== "" && !NOT_FILTERS.has(name));
  return new URLSearchParams(filters).toString();
}

/** @param {View} view @param {() => void} remove */
function entryOf({ name, query }, remove) {
  const entry = document.createElement("li");
  const link = document.createElement("a");
  link.href = `/sagas?${filterOf(query)}`;
  link.textContent = name;
  if (filterOf(query) === filterOf(location.search)) link.setAttribute("aria-current", "true");
  const button = document.createElement("button");
  button.type = "button";
  button.className = "link";
  button.textContent = "remove";
  button.setAttribute("aria-label", `Remove the view ${name}`);
  button.addEventListener("click", remove);
  entry.append(link, " ", button);
  return entry;
}
