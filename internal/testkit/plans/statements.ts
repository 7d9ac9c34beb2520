// Collects every SQL statement of the roles from the source, so that new statements are checked automatically. A statement is a
// tagged template that starts with an SQL verb. A fragment in it is also a tagged template, behind a name in the same file. Called
// by plans.int.test.ts.
import { REPOSITORY } from "../../stack/paths.ts";

/** Not roles: operators, the auditor and the load driver may read whole tables; tests and faults are not part of the system. */
const OTHERS =
  /\.test\.ts$|^internal\/(?:audit|faults|operations|stack|testkit)\/|^cmd\/checkoutctl\/|^bench\//;
/** The folders of operators' functions, some of which a role may import. */
const OPERATIONS = /^internal\/operations\/(?!.*\.test\.ts$)/;
/** The binaries of operators, which have rights of their own. */
const FOR_OPERATORS = /^(?:cmd\/(?:checkoutctl|console)|internal\/console)\//;
/** Connection handling and migrations; its statements touch no table that grows. */
const PLUMBING = /^internal\/platform\//;

export interface Statement {
  /** File and function. */
  readonly name: string;
  /** With $1, $2 for its parameters. */
  readonly text: string;
}

export async function statementsOfRoles(): Promise<readonly Statement[]> {
  const files = await Array.fromAsync(new Bun.Glob("{cmd,internal}/**/*.ts").scan({ cwd: REPOSITORY }));
  const read = (paths: readonly string[]) =>
    Promise.all(
      paths
        .toSorted()
        .map(async (path) => ({ path, source: await Bun.file(`${REPOSITORY}/${path}`).text() })),
    );
  const sources = await read(files.filter((path) => !OTHERS.test(path) && !PLUMBING.test(path)));
  const shared = sources.flatMap(({ source }) => templatesIn(source));
  const imported = importsOfOperations(sources);
  const operations = await read(files.filter((path) => OPERATIONS.test(path)));
  return [
    ...sources.flatMap(({ path, source }) => statementsIn(path, source, shared)),
    ...operations.flatMap(({ path, source }) =>
      statementsIn(path, source, shared, (name) => imported.has(name)),
    ),
  ];
}

/** The functions of operators that a role imports, as statements are named. They run in the role, with its rights. */
function importsOfOperations(
  sources: readonly { readonly path: string; readonly source: string }[],
): ReadonlySet<string> {
  const found = sources
    .filter(({ path }) => !FOR_OPERATORS.test(path))
    .flatMap(({ source }) => [
      ...source.matchAll(/import \{([^}]+)\} from "[./]+\/(internal\/)?(operations\/[\w/.-]+)"/g),
    ]);
  return new Set(
    found.flatMap(([, names = "", , path = ""]) =>
      names.split(",").map((name) => `internal/${path}: ${name.replace(/^\s*type /, "").trim()}`),
    ),
  );
}

/**
 * Throws if a fragment cannot be resolved, because then the statement would not be checked. A statement with a fragment that has
 * several variants is returned once per variant. `shared` holds the fragments of other files. `wanted` picks statements by their name.
 */
export function statementsIn(
  path: string,
  source: string,
  shared: readonly Template[] = [],
  wanted: (name: string) => boolean = () => true,
): readonly Statement[] {
  const templates = templatesIn(source);
  return templates
    .filter(({ parts }) => /^\s*(?:select|insert|update|delete|with|merge)\s/.test(parts[0] ?? ""))
    .filter(({ owner }) => wanted(`${path}: ${owner}`))
    .flatMap((template) =>
      wordings(template, templates, shared).map((wording) => {
        let parameters = 0;
        const numbered = wording.replaceAll(PARAMETER, () => `$${(parameters += 1)}`);
        return { name: `${path}: ${template.owner}`, text: numbered.replaceAll(/\s+/g, " ").trim() };
      }),
    );
}

/** Placeholder for a value until parameters are numbered; occurs in no source. */
const PARAMETER = "\u{0}";

interface Template {
  /** The enclosing function or constant. */
  readonly owner: string;
  /** The constant it is assigned to, directly or as one of several variants. */
  readonly constant: string | undefined;
  readonly parts: readonly string[];
  /** The source between the parts. */
  readonly values: readonly string[];
}

/** All texts that a template can become. */
function wordings(
  { owner, parts, values }: Template,
  templates: readonly Template[],
  shared: readonly Template[],
): readonly string[] {
  let texts: readonly string[] = [parts[0] ?? ""];
  for (const [index, value] of values.entries()) {
    const fragments = fragmentsOf(value, owner, templates, shared).flatMap((fragment) =>
      wordings(fragment, templates, shared),
    );
    const choices = fragments.length === 0 ? [PARAMETER] : fragments;
    texts = texts.flatMap((text) => choices.map((choice) => text + choice + (parts[index + 1] ?? "")));
  }
  return texts;
}

/** A value built from the connection is SQL; every other value is a parameter. */
function fragmentsOf(
  value: string,
  owner: string,
  templates: readonly Template[],
  shared: readonly Template[],
): readonly Template[] {
  const constants = templates.filter((template) => template.owner === owner && template.constant === value);
  if (constants.length > 0) return constants;
  const name = /^(\w+)\((?:sql|tx)\b/.exec(value)?.[1];
  const named = (among: readonly Template[]) => among.filter((template) => template.owner === name);
  const own = named(templates);
  const found = own.length > 0 ? own : named(shared);
  if ((name !== undefined && found.length !== 1) || /^(?:sql|tx)\b/.test(value))
    throw new Error(`cannot follow the fragment ${value}: move it into its own function or constant`);
  return found;
}

/** All tagged templates, including nested ones. */
function templatesIn(source: string): readonly Template[] {
  const templates: Template[] = [];
  const owners = [
    ...source.matchAll(/^(?:export )?(?:async )?(?:function|const) (\w+)|^ {2}(?:async )?#?(\w+)\(.*\{$/gm),
  ];
  for (const { index, 0: tag } of source.matchAll(/\b(?:sql|tx|connection)(?:\s*<[^`]{0,200}?>)?\s*`/g)) {
    const owner = owners.findLast((candidate) => candidate.index < index);
    const constant = /\bconst (\w+) = [^;]*$/.exec(source.slice(0, index))?.[1];
    templates.push({
      owner: owner?.[1] ?? owner?.[2] ?? "?",
      constant,
      ...readTemplate(source, index + tag.length),
    });
  }
  return templates;
}

/** `start` is the first character after the backtick. */
function readTemplate(source: string, start: number): Pick<Template, "parts" | "values"> {
  const parts: string[] = [];
  const values: string[] = [];
  let from = start;
  for (let at = start; at < source.length; at += 1) {
    if (source[at] === "\\") at += 1;
    else if (source[at] === "`") return { parts: [...parts, source.slice(from, at)], values };
    else if (source.startsWith("${", at)) {
      const end = endOfValue(source, at + 2);
      parts.push(source.slice(from, at));
      values.push(source.slice(at + 2, end));
      from = end + 1;
      at = end;
    }
  }
  throw new Error("a template is not closed");
}

/** The position of the closing brace; values may contain nested templates. */
function endOfValue(source: string, start: number): number {
  let depth = 0;
  for (let at = start; at < source.length; at += 1) {
    if (source[at] === "{") depth += 1;
    if (source[at] === "}") {
      if (depth === 0) return at;
      depth -= 1;
    }
  }
  throw new Error("a template's value is not closed");
}
