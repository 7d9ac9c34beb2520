// docs/settings.md, docs/metrics.md, docs/cli.md and docs/failure-codes.md match what the code declares and registers, and the runbook names no other metric.
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { Environment } from "../../cmd/checkoutctl/settings.ts";
import { settingsOf } from "../platform/config.ts";
import { SECRET_NAMES, SETTING_NAMES } from "../platform/misspelt.ts";
import { DIFFERENCE_KINDS } from "../services/payment/difference.ts";
import { REPOSITORY } from "../stack/paths.ts";
import { ROLES } from "../stack/role-env.ts";
import { cliDocument } from "./cli-reference.ts";
import { failureCodesDocument } from "./failure-codes.ts";
import {
  CONFIGS,
  metricsDocument,
  readRoleSources,
  registeredMetrics,
  settingsDocument,
} from "./references.ts";

const PREFIX = "checkout_";
const HISTOGRAM_SERIES = /_(bucket|sum|count)$/;
/** Words of the runbook that begin like a metric but are not one. */
const NO_METRICS: ReadonlySet<string> = new Set([
  ...DIFFERENCE_KINDS,
  "outbox_default",
  "payment_method",
  "saga_id",
]);

const textOf = (path: string) => Bun.file(join(REPOSITORY, path)).text();

describe("docs/settings.md", () => {
  test("is fresh; `bun run references` writes it", async () => {
    expect(await textOf("docs/settings.md")).toBe(settingsDocument());
  });

  test("has every setting of every role", () => {
    const folders = [...new Bun.Glob("cmd/*/config.ts").scanSync(REPOSITORY)].map(
      (path) => path.split("/")[1],
    );
    expect(new Set<string | undefined>(folders)).toEqual(new Set(ROLES));
    const document = settingsDocument();
    expect(SETTING_NAMES.filter((name) => !document.includes(`| \`${name}\``))).toEqual([]);
  });

  test("SECRET_NAMES lists every secret setting, sorted (if not, fix the list)", () => {
    const schemas = [...Object.values(CONFIGS), Environment];
    const secrets = schemas.flatMap((schema) => settingsOf(schema).filter(({ isSecret }) => isSecret));
    expect(SECRET_NAMES).toEqual([...new Set(secrets.map(({ name }) => name))].toSorted());
  });
});

test("docs/cli.md is fresh; `bun run references` writes it", async () => {
  expect(await textOf("docs/cli.md")).toBe(await cliDocument());
});

test("docs/failure-codes.md is fresh; `bun run references` writes it", async () => {
  expect(await textOf("docs/failure-codes.md")).toBe(failureCodesDocument());
});

describe("docs/metrics.md", () => {
  test("is fresh; `bun run references` writes it", async () => {
    expect(await textOf("docs/metrics.md")).toBe(await metricsDocument(await readRoleSources()));
  });

  test("the console opens databases in its own way, without the metrics of transactions and of missing rights", async () => {
    const metrics = await registeredMetrics(await readRoleSources());
    const own = metrics.filter(({ roles }) => roles.includes("console")).map(({ name }) => name);
    expect(own.filter((name) => name.startsWith(`${PREFIX}database_`))).toEqual([
      `${PREFIX}database_refusing`,
    ]);
  });

  test("has every metric that the code registers (if not, fix REGISTRATIONS in references.ts)", async () => {
    const files = [...new Bun.Glob("{cmd,internal}/**/*.ts").scanSync(REPOSITORY)].filter(
      (file) => !file.endsWith(".test.ts") && !file.startsWith("internal/testkit/"),
    );
    const texts = await Promise.all(
      files.filter((file) => file !== "internal/tools/references.ts").map(textOf),
    );
    const made = texts.flatMap((text) =>
      Array.from(text.matchAll(/\.(?:counter|gauge|histogram)\(\s*["`]([a-z_]+)/g), ([, name = ""]) => name),
    );
    const known = (await registeredMetrics(await readRoleSources())).map(({ name }) => name);
    // A name that ends with an underscore is completed at run time.
    const isKnown = (name: string) =>
      name.endsWith("_")
        ? known.some((other) => other.startsWith(PREFIX + name))
        : known.includes(PREFIX + name);
    expect(made.length).toBeGreaterThan(40);
    expect(made.filter((name) => !isKnown(name))).toEqual([]);
  });
});

test("the runbook names no metric and no label that is not registered", async () => {
  const metrics = await registeredMetrics(await readRoleSources());
  const byName = new Map(metrics.map((metric) => [metric.name.replace(PREFIX, ""), metric]));
  const mentions = mentionedMetrics(await textOf("docs/runbook.md"), [...byName.keys()]);
  const faults = mentions.flatMap(({ name, labels }) => {
    const metric = byName.get(name) ?? byName.get(name.replace(HISTOGRAM_SERIES, ""));
    if (metric === undefined) return [`${name} is not a metric`];
    return labels
      .filter((label) => !metric.labels.includes(label))
      .map((label) => `${name} has no label ${label}`);
  });
  expect(mentions.length).toBeGreaterThan(30);
  expect(faults).toEqual([]);
});

test("a metric in the runbook is recognised by its prefix, labels, unit, first word or place", () => {
  const text =
    '`checkout_a_b` `a_c` `d{e,f="1"}` `g_total` `h` `i_j` `saga_id`\n## What to watch\n| `k`, `l_m` | `n` |\n## Next\n| `o` |';
  expect(mentionedMetrics(text, ["a_b"])).toEqual([
    { name: "a_b", labels: [] },
    { name: "a_c", labels: [] },
    { name: "d", labels: ["e", "f"] },
    { name: "g_total", labels: [] },
    { name: "k", labels: [] },
    { name: "l_m", labels: [] },
  ]);
});

/** The metrics that `text` quotes, without the prefix. `known` are the existing names. */
function mentionedMetrics(text: string, known: readonly string[]) {
  const firstWords = new Set(known.map(firstWordOf));
  const [, watchTable = ""] = /^## What to watch$(.*?)^## /ms.exec(text) ?? [];
  const watched = Array.from(watchTable.matchAll(/^\|([^|]*)\|/gm), ([, cell = ""]) => cell).join(" ");
  const quoted = /`(checkout_)?([a-z]+(?:_[a-z]+)*)(?:\{([^}`]*)\})?`/g;
  return Array.from(text.matchAll(quoted)).flatMap(([quote, prefix, name = "", labels]) => {
    const isMetric =
      prefix !== undefined ||
      labels !== undefined ||
      watched.includes(quote) ||
      /_(total|seconds|bytes)$/.test(name) ||
      (name.includes("_") && firstWords.has(firstWordOf(name)));
    if (!isMetric || NO_METRICS.has(name)) return [];
    const names = (labels ?? "").split(",").map((label) => label.replace(/=.*/, "").trim());
    return [{ name, labels: names.filter((label) => label !== "") }];
  });
}

function firstWordOf(name: string): string {
  return name.split("_", 1)[0] ?? "";
}
