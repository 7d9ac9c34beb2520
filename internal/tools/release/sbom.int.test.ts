// The bill of materials of a binary is right: it lists the packages of the bundle and nothing else, with the runtime, and with the
// libraries of the Kafka addon only where the addon is.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { CACHE } from "../../stack/paths.ts";
import { binaryName, compileRole, stagedAddon } from "../build.ts";
import { bomPlugin, completeBom, nativeComponents } from "./sbom.ts";

interface Part {
  readonly name: string;
  readonly evidence?: { licenses: readonly { license: { text: { content: string } } }[] };
}
interface Bom {
  readonly metadata: {
    readonly timestamp: string;
    readonly component: {
      readonly name: string;
      readonly version: string;
      readonly hashes: readonly { content: string }[];
    };
  };
  readonly components: readonly (Part & {
    "bom-ref": string;
    group?: string;
    version: string;
    licenses?: unknown;
    components?: readonly Part[];
  })[];
  readonly dependencies: readonly { ref: string; dependsOn?: readonly string[] }[];
}

mkdirSync(CACHE, { recursive: true });
const folder = mkdtempSync(join(CACHE, "sbom-test-"));
afterAll(() => rmSync(folder, { recursive: true }));

let addon: string;
beforeAll(async () => {
  addon = await stagedAddon();
});

test.each([
  { role: "relay", hasKafka: true },
  { role: "gateway", hasKafka: false },
])("of $role", async ({ role, hasKafka }) => {
  // given
  const file = join(folder, `${role}.cdx.json`);
  const name = binaryName(role);
  const inputs = await compileRole({ role, addon, release: "1.2.3+abc", folder, plugins: [bomPlugin(file)] });
  const binary = { name, release: "1.2.3+abc", file: join(folder, name), committedAt: 1_767_323_045 };
  const raw = readFileSync(file);
  // when
  await completeBom(file, binary, nativeComponents());
  // then
  const text = readFileSync(file, "utf8");
  const bom: Bom = JSON.parse(text);
  expect(bom.metadata.timestamp).toBe("2026-01-02T03:04:05.000Z");
  expect(bom.metadata.component).toMatchObject({ name, version: "1.2.3+abc" });
  const digest = createHash("sha256").update(readFileSync(binary.file)).digest("hex");
  expect(bom.metadata.component.hashes[0]?.content).toBe(digest);

  const listed = bom.components.map((one) =>
    one.group === undefined ? one.name : `${one.group}/${one.name}`,
  );
  const addonParts = hasKafka ? ["librdkafka", "nan", "openssl", "zlib", "zstd", "gcc"] : [];
  expect(listed.toSorted()).toEqual([...packagesOf(inputs), "bun", ...addonParts].toSorted());
  for (const one of bom.components) expect(one.licenses, one.name).not.toBeEmpty();
  const linked = bom.components.filter((one) => addonParts.includes(one.name) && one.name !== "gcc");
  const texts = Object.fromEntries(linked.map((one) => [one.name, textsOf(one)]));
  expect(Object.keys(texts)).toEqual(addonParts.filter((part) => part !== "gcc"));
  if (hasKafka) {
    expect(texts["openssl"]).toContain("TERMS AND CONDITIONS FOR USE, REPRODUCTION, AND DISTRIBUTION");
    expect(texts["zlib"]).toContain("Jean-loup Gailly");
    expect(texts["zstd"]).toContain("Facebook");
    const lz4 = linked[0]?.components?.find((part) => part.name === "lz4");
    expect(lz4 === undefined ? "" : textsOf(lz4)).toContain("Yann Collet");
  }

  const refs = new Set([`${name}@1.2.3+abc`, ...bom.components.map((one) => one["bom-ref"])]);
  expect(
    bom.dependencies.filter(({ ref, dependsOn = [] }) => ![ref, ...dependsOn].every((one) => refs.has(one))),
  ).toEqual([]);
  expect(bom.dependencies.find(({ ref }) => ref === `${name}@1.2.3+abc`)?.dependsOn).toContain(
    `bun@${Bun.version}`,
  );

  // The same again, as in another build of the commit.
  await Bun.write(file, raw);
  await completeBom(file, binary, nativeComponents());
  expect(readFileSync(file, "utf8")).toBe(text);
});

/** The licence texts of a component. */
function textsOf({ evidence }: Part): string {
  const texts = evidence?.licenses.map(({ license }) =>
    Buffer.from(license.text.content, "base64").toString(),
  );
  return (texts ?? []).join("\n");
}

/** The names of the packages whose files the bundler read. */
function packagesOf(inputs: readonly string[]): readonly string[] {
  const names = inputs.flatMap((path) => {
    const [, rest] = path.split(/^.*node_modules\//);
    const parts = rest?.split("/") ?? [];
    return rest === undefined ? [] : [parts.slice(0, rest.startsWith("@") ? 2 : 1).join("/")];
  });
  return [...new Set(names)];
}
