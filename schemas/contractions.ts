// Finds statements in a migration that the version before it may not survive: it still runs, reads what is taken away and writes what is no
// longer accepted. Such a statement belongs into the release after the one that stops using it (expand, then contract). Called by its test. Pure.

/** What to look for, with what the older version then meets. */
const CONTRACTING: readonly { readonly pattern: RegExp; readonly harm: string }[] = [
  {
    pattern: /\bdrop\s+(?:table|view|column|function|type|trigger)\b/,
    harm: "is gone for the older version",
  },
  { pattern: /\brename\b/, harm: "has another name than the older version knows" },
  {
    pattern: /\balter\s+column\s+\S+\s+(?:set\s+data\s+)?type\b/,
    harm: "has another type, so kept statements fail",
  },
  { pattern: /\bset\s+not\s+null\b|\bdrop\s+default\b/, harm: "is not filled by the older version" },
  {
    pattern: /\badd\s+column\b(?!.*\bdefault\b).*\bnot\s+null\b/,
    harm: "is not filled by the older version",
  },
  {
    pattern: /\badd\s+(?:constraint|primary\s+key|unique|check|foreign)\b/,
    harm: "may refuse what the older version writes",
  },
  { pattern: /\bcreate\s+unique\s+index\b/, harm: "may refuse what the older version writes" },
  {
    pattern: /\bdrop\s+constraint\s+\S+_(?:pkey|key)\b/,
    harm: "is what an older version's `on conflict` may name",
  },
];

/** Each contracting statement with its harm, one sentence each. Tables that the same migration creates have no older users. */
export function contractions(sql: string): readonly string[] {
  const statements = withoutTexts(sql).toLowerCase().split(";");
  const created = new Set(
    statements.flatMap((statement) => /create table (?:if not exists )?(\w+)/.exec(statement)?.[1] ?? []),
  );
  return statements.flatMap((statement) => {
    const text = statement.replaceAll(/\s+/g, " ").trim();
    const table = /(?:alter table(?: only)?|\bon) (\w+)/.exec(text)?.[1];
    if (table !== undefined && created.has(table)) return [];
    return CONTRACTING.filter(({ pattern }) => pattern.test(text)).map(({ harm }) => `${text}: ${harm}`);
  });
}

/** Without comments and without the bodies of functions, which change no table when they are made. */
function withoutTexts(sql: string): string {
  return sql.replaceAll(/--.*$/gm, "").replaceAll(/\$(\w*)\$[^]*?\$\1\$/g, "''");
}
