// The commands of docs/deploy.md, so that the drill types what an operator reads there. Pure.

const FENCE = /^( *)```sh\n([\s\S]*?)^\1```$/gm;

/** The blocks of shell commands under the heading that begins with `heading`, in their order. Throws if there is none. */
export function blocksUnder(page: string, heading: string): readonly string[] {
  const sections = page.split(/^(?=## )/m).filter((section) => section.startsWith(`## ${heading}`));
  const blocks = sections.flatMap((section) =>
    Array.from(section.matchAll(FENCE), ([, indent = "", text = ""]) =>
      text.replaceAll(new RegExp(`^${indent}`, "gm"), ""),
    ),
  );
  if (sections.length !== 1 || blocks.length === 0)
    throw new Error(`docs/deploy.md has no commands under "${heading}"`);
  return blocks;
}

/** The block that has `words`. Throws unless it is exactly one. */
export function blockWith(blocks: readonly string[], words: string): string {
  const [found, ...others] = blocks.filter((block) => block.includes(words));
  if (found === undefined || others.length > 0)
    throw new Error(`docs/deploy.md has ${found === undefined ? "no" : "more than one"} block with ${words}`);
  return found;
}

/** Puts `to` for `from`. Throws if it is not there: then the page was changed, and the drill would type something else. */
export function changed(block: string, from: string, to: string): string {
  if (!block.includes(from)) throw new Error(`docs/deploy.md no longer says: ${from}`);
  return block.replaceAll(from, to);
}
