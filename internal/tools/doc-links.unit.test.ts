// Every link in our pages leads to a file and to a heading that exist. Addresses on the web are not asked for.
import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path/posix";
import { REPOSITORY } from "../stack/paths.ts";

const FENCED = /^```[^]*?^```/gm;
const INLINE_CODE = /`[^`\n]*`/g;
const LINK = /\]\(([^()\s]+)\)/g;
const HEADING = /^#+ (.+)$/gm;

const PAGES = [...new Bun.Glob("**/*.md").scanSync({ cwd: REPOSITORY })].filter(
  (path) => !/(?:^|\/)node_modules\//.test(path),
);

/** As GitHub makes them. A second heading with the same words gets a number. */
function anchorsOf(page: string): ReadonlySet<string> {
  const seen = new Map<string, number>();
  const headings = page.replaceAll(FENCED, "").matchAll(HEADING);
  return new Set(
    Array.from(headings, ([, text = ""]) => {
      const words = text
        .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1")
        .trim()
        .toLowerCase();
      const anchor = words.replaceAll(/[^\p{L}\p{N}_ -]/gu, "").replaceAll(" ", "-");
      const before = seen.get(anchor) ?? 0;
      seen.set(anchor, before + 1);
      return before === 0 ? anchor : `${anchor}-${before}`;
    }),
  );
}

/** The links of a page that lead nowhere. */
function faultsOf(path: string): readonly string[] {
  const page = readFileSync(join(REPOSITORY, path), "utf8");
  const links = page.replaceAll(FENCED, "").replaceAll(INLINE_CODE, "").matchAll(LINK);
  return Array.from(links, ([, link = ""]) => link).filter((link) => {
    if (/^[a-z]+:/.test(link)) return false;
    const [file = "", anchor] = link.split("#");
    const target = file === "" ? path : normalize(join(dirname(path), file));
    if (!existsSync(join(REPOSITORY, target))) return true;
    if (anchor === undefined || !target.endsWith(".md")) return false;
    return !anchorsOf(readFileSync(join(REPOSITORY, target), "utf8")).has(anchor);
  });
}

test.each(PAGES)("%s: its links lead somewhere", (path) => {
  expect(faultsOf(path)).toEqual([]);
});

test("a heading has the anchor that a link to it names", () => {
  const anchors = anchorsOf("# A [page](x.md), `set`\n```\n# no heading\n```\n## Twice\n## Twice\n");
  expect([...anchors]).toEqual(["a-page-set", "twice", "twice-1"]);
});
