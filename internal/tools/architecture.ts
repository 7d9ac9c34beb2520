// Architecture rules that a test checks: which folder may import which, who may open connections, and which files are pure. Works on
// source text in this repository's formatting. Used by architecture.unit.test.ts.
import { dirname, join } from "node:path/posix";

/** The folders that each folder may import in addition to itself. The longest match counts. */
const MAY_IMPORT: Readonly<Record<string, readonly string[] | "anything">> = {
  schemas: [],
  "internal/kernel": [],
  "internal/messaging": ["internal/kernel", "schemas"],
  "internal/orchestrator": ["internal/kernel", "internal/messaging", "schemas"],
  // A service may not import another service.
  "internal/services/*": ["internal/kernel", "internal/messaging", "schemas"],
  "internal/gateway": ["internal/kernel", "internal/messaging", "internal/storefront", "schemas"],
  // The pages know only a port; the gateway fills it.
  "internal/storefront": ["internal/kernel", "internal/web", "schemas"],
  "internal/web": ["internal/kernel", "schemas"],
  // Messaging for the audit trail. What only the orchestrator knows, the diagram, is generated (`bun run diagram`) or passed in by cmd.
  "internal/console": [
    "internal/kernel",
    "internal/messaging",
    "internal/operations",
    "internal/web",
    "schemas",
  ],
  "internal/operations": ["internal/kernel", "internal/messaging", "schemas"],
  "internal/platform": ["internal/kernel", "internal/messaging", "schemas"],
  // Checkers share no code with the code they check.
  "internal/audit": ["internal/kernel", "schemas"],
  "internal/paysim": ["internal/kernel", "schemas"],
  // Systems for comparison, not checkers. They use our Kafka client, because its addon (built here) is the only one that works on
  // Bun, and so that they differ from the product only in the order of writes.
  "bench/baselines": ["internal/kernel", "internal/platform/kafka", "schemas"],
  // Measures the pure code of the roles.
  "bench/micro": "anything",
  bench: ["internal/faults", "internal/kernel", "schemas"],
  // Injects server faults from outside. Shared by the tests and the chaos runs.
  "internal/faults": [],
  "internal/stack": "anything",
  "internal/testkit": "anything",
  "internal/tools": "anything",
  // One binary is not part of another.
  "cmd/*": ["internal", "schemas"],
};

/** Folders with a limited set of packages; other folders may import any npm package and node module. */
const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  schemas: ["@sinclair/typebox"],
  "internal/kernel": [],
};

/** Only the platform opens these; a store gets an open connection and may import its type. */
const DRIVERS = ["postgres", "redis", "@confluentinc/kafka-javascript"];
const MAY_OPEN = ["internal/platform", "internal/stack", "internal/testkit", "internal/faults", "bench"];

const MAY_READ_ENVIRONMENT = [
  "internal/platform/config.ts",
  // Who calls is no setting.
  "internal/platform/caller.ts",
  // What systemd asks of a process is no setting either.
  "internal/platform/service-manager.ts",
  // Starts processes and sets their environment.
  "internal/stack",
  "internal/testkit",
  "internal/tools",
  // A build tool, not part of a binary.
  "internal/platform/kafka/native",
];

const MAY_HOLD_SQL = [
  /(^|\/)(store|inbox|outbox|[a-z-]+-store)\.ts$/,
  /^internal\/platform\/(postgres[a-z-]*|migrate)\.ts$/,
  // Creates and drops partitions, but touches no rows.
  /^internal\/messaging\/retention\.ts$/,
  /^internal\/(faults|stack|testkit)\//,
  /^bench\//,
];

/**
 * Decisions and their data types. Time, chance and ids are arguments here. A file whose header comment says "Pure" is checked as
 * well.
 */
const PURE = [
  /^internal\/kernel\//,
  /^internal\/orchestrator\/(saga|steps|state|commands)\.ts$/,
  /^internal\/services\/[a-z]+\/decide\.ts$/,
  /^internal\/services\/payment\/(payment|differences|attempts\/attempts|webhooks\/webhook-event|reconciliation\/window)\.ts$/,
  /^internal\/audit\/(facts|invariant)\.ts$/,
  /^internal\/audit\/invariants\//,
  /^schemas\/(compatibility|commands|events|envelope|fields|http)\.ts$/,
];
/** Formats a given time as text; never reads the clock. */
const NAMES_DATE = "internal/kernel/timestamp.ts";
const IMPURE_NAMES =
  /(?<![.\w])(Date|crypto|process|Bun|performance|fetch|setTimeout|setInterval)\b|\bMath\.random\b/g;

/** The rules that the file at `path` (relative to the repository) breaks, one sentence each. */
export function brokenRules(path: string, source: string): string[] {
  // Tests may import anything.
  if (path.endsWith(".test.ts")) return [];
  return [...brokenImports(path, source), ...brokenWords(path, source)];
}

function brokenImports(path: string, source: string): string[] {
  const folder = folderOf(path);
  if (folder === undefined) return [`${path}: add its folder to the import table`];
  const broken: string[] = [];
  for (const { specifier, isTypeOnly } of importsOf(source)) {
    if (specifier.startsWith(".")) {
      const target = join(dirname(path), specifier);
      if (!mayImport(folder, target)) broken.push(`${path}: ${folder.name} may not import ${target}`);
      continue;
    }
    const packages = PACKAGES[folder.rule];
    if (packages?.some((name) => isPackage(specifier, name)) === false) {
      broken.push(`${path}: ${folder.name} may not import ${specifier}`);
    }
    const isDriver = DRIVERS.some((name) => isPackage(specifier, name));
    if (isDriver && !isTypeOnly && !MAY_OPEN.some((allowed) => isWithin(path, allowed))) {
      broken.push(`${path}: only the platform may open ${specifier}`);
    }
  }
  return broken;
}

function brokenWords(path: string, source: string): string[] {
  const code = codeOf(path, source);
  const broken: string[] = [];
  if (/\bprocess\.env\b/.test(code) && !MAY_READ_ENVIRONMENT.some((allowed) => isWithin(path, allowed))) {
    broken.push(`${path}: only the config parser may read process.env`);
  }
  if (
    /\b(sql|tx|connection)(<[^>`]*>)?`/.test(source) &&
    !MAY_HOLD_SQL.some((allowed) => allowed.test(path))
  ) {
    broken.push(`${path}: SQL belongs in a store`);
  }
  if (isPure(path, source)) {
    for (const name of new Set(code.match(IMPURE_NAMES))) {
      if (!(path === NAMES_DATE && name === "Date")) broken.push(`${path}: a pure file may not name ${name}`);
    }
  }
  return broken;
}

function isPure(path: string, source: string): boolean {
  const header = /^(?:\/\/[^\n]*\n)*/.exec(source)?.[0] ?? "";
  return /\bPure\b/.test(header) || PURE.some((pure) => pure.test(path));
}

interface Folder {
  /** The key in the table. */
  readonly rule: string;
  /** The folder itself; for `internal/services/*` it names the service. */
  readonly name: string;
}

function folderOf(path: string): Folder | undefined {
  for (const rule of Object.keys(MAY_IMPORT).toSorted((a, b) => b.length - a.length)) {
    const name = path.split("/").slice(0, rule.split("/").length).join("/");
    const isMatch = rule.endsWith("/*") ? dirname(name) === dirname(rule) && name !== path : name === rule;
    if (isMatch) return { rule, name };
  }
  return undefined;
}

function mayImport({ rule, name }: Folder, target: string): boolean {
  const allowed = MAY_IMPORT[rule];
  if (allowed === "anything" || target === "package.json") return true;
  return [name, ...(allowed ?? [])].some((folder) => isWithin(target, folder));
}

function importsOf(source: string): { specifier: string; isTypeOnly: boolean }[] {
  const statements = /^(?:import|export)\s+(type\s)?[^;"]*?from\s+"([^"]+)"|^import\s+"([^"]+)"/gm;
  const calls = /\b(?:import|require)\("([^"]+)"\)/g;
  const code = source.replaceAll(/^\s*(\/\/|\*|\/\*).*$/gm, "");
  return [
    ...[...code.matchAll(statements)].map(([, type, from, bare]) => ({
      specifier: from ?? bare ?? "",
      isTypeOnly: type !== undefined,
    })),
    ...[...code.matchAll(calls)].map(([, specifier = ""]) => ({ specifier, isTypeOnly: false })),
  ];
}

/** The source without comments, types and strings; expressions inside templates are kept. */
function codeOf(path: string, source: string): string {
  return new Bun.Transpiler({ loader: path.endsWith(".tsx") ? "tsx" : "ts" })
    .transformSync(source)
    .replaceAll(/"(?:[^"\\\n]|\\.)*"/g, '""')
    .replaceAll(/`(?:[^`\\]|\\.)*`/g, (template) => [...template.matchAll(/\$\{([^}]*)\}/g)].join(" "));
}

function isPackage(specifier: string, name: string): boolean {
  return specifier === name || specifier.startsWith(`${name}/`);
}

function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}
