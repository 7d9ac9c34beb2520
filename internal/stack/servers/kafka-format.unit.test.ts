// The copy of a formatted data directory: what it shares with the first one, and what is its own. That brokers start from it is seen by every
// suite that starts some.
import { afterEach, beforeEach, expect, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { formatData } from "./kafka-format.ts";

const SNAPSHOT = "__cluster_metadata-0/00000000000000000000-0000000000.checkpoint";

let folder: string;
let toolRuns: number;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "kafka-format-"));
  toolRuns = 0;
});
afterEach(() => rmSync(folder, { recursive: true }));

/** The tool writes these two files. */
async function format(name: string, nodeId: number, fails = false): Promise<string> {
  const data = join(folder, name, "data");
  const runTool = async () => {
    toolRuns++;
    mkdirSync(join(data, "__cluster_metadata-0"), { recursive: true });
    writeFileSync(join(data, "meta.properties"), `node.id=${nodeId}\n`);
    if (fails) throw new Error("no disk");
    writeFileSync(join(data, SNAPSHOT), "snapshot");
  };
  await formatData({ data, template: join(folder, "cache/template"), clusterId: "cluster", nodeId, runTool });
  return data;
}

const identityOf = (data: string) => readFileSync(join(data, "meta.properties"), "utf8");

test("the tool runs once; later brokers get its snapshot and ids of their own", async () => {
  expect(identityOf(await format("a", 1))).toBe("node.id=1\n");
  const second = await format("b", 2);
  const third = await format("c", 3);
  expect(toolRuns).toBe(1);
  expect(readFileSync(join(third, SNAPSHOT), "utf8")).toBe("snapshot");
  expect(identityOf(second)).toMatch(
    /^cluster\.id=cluster\ndirectory\.id=[A-Za-z0-9_-]{22}\nnode\.id=2\nversion=1\n$/,
  );
  const directoryId = (data: string) => /directory\.id=(.*)/.exec(identityOf(data))?.[1];
  expect(directoryId(second)).not.toBe(directoryId(third));
});

test("what a failed format left is neither kept as a template nor used", async () => {
  await expect(format("a", 1, true)).rejects.toThrow("no disk");
  expect(existsSync(join(folder, "cache"))).toBe(false);
  const data = await format("a", 1);
  expect(toolRuns).toBe(2);
  writeFileSync(join(data, "leftover"), "");
  await format("a", 1);
  expect(readdirSync(data).toSorted()).toEqual(["__cluster_metadata-0", "meta.properties"]);
  expect(readdirSync(join(folder, "cache"))).toEqual(["template"]);
});
