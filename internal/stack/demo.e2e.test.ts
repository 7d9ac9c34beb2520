// Runs the demo as a newcomer does. Faults are tested in e2e/.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { newDataDirectory } from "../testkit/data-directory.ts";
import { processesOf } from "../testkit/processes.ts";
import { buildAll, buildableRoles } from "../tools/build.ts";
import { cleanEnvironment } from "./child.ts";
import { REPOSITORY } from "./paths.ts";
import { wipe } from "./wipe.ts";

const BUILD_TIMEOUT_MS = 120_000;
const TEST_TIMEOUT_MS = 240_000;

const parent = newDataDirectory("demo");
afterAll(() => rmSync(parent, { recursive: true, force: true }));
beforeAll(() => buildAll(buildableRoles(), () => {}), BUILD_TIMEOUT_MS);

test(
  "the demo finishes every checkout, passes the audit and leaves nothing running",
  async () => {
    const directory = join(parent, "demo");
    const demo = Bun.spawn([process.execPath, join(REPOSITORY, "internal/stack/demo.ts"), "--orders", "40"], {
      env: cleanEnvironment({ STACK_DIR: directory }),
      stdio: ["ignore", "pipe", "pipe"],
    });
    const [output, errors, code] = await Promise.all([demo.stdout.text(), demo.stderr.text(), demo.exited]);
    expect({ code, errors, output }).toMatchObject({ code: 0 });
    expect(output).toContain("audit clean");
    expect(processesOf(directory)).toEqual([]);
    wipe(directory);
  },
  TEST_TIMEOUT_MS,
);
