// Where the filters that an operator has saved appear (client/views.js). Not there without scripts: then a bookmark does the same.
import { assets } from "../assets.ts";
import type { Frame } from "../visit.ts";

export function SavedViews({ actor }: Pick<Frame, "actor">) {
  if (actor === null) return null;
  return (
    <div class="views small" data-needs-js data-views={actor.name}>
      <span>Saved views</span>
      <ul class="plain-list" data-views-list aria-label="Saved views" />
      <form aria-label="Save this view">
        <label for="view-name" class="visually-hidden">
          Name for what is listed now
        </label>
        <input
          id="view-name"
          required
          maxLength={60}
          autocomplete="off"
          placeholder="name for what is listed now"
        />
        <button class="button quiet">Save</button>
      </form>
      <span role="status" class="soft" />
    </div>
  );
}

export function ViewsScript({ nonce }: Pick<Frame, "nonce">) {
  return <script type="module" nonce={nonce} src={assets.views.path} integrity={assets.views.integrity} />;
}
