// How much the units expose, as systemd itself counts. Needs systemd-analyze, which the set-up installs; systemd need not run.
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { unitExamples } from "./unit-examples.ts";
import { unitFiles } from "./units.ts";

const units = Object.entries(unitFiles()).filter(([name]) => name.endsWith(".service"));
/** Exposure 1.5 on systemd's scale of 0 (safe) to 10; the option takes tenths. */
const THRESHOLD = "15";
const analyze = Bun.which("systemd-analyze");

test("systemd-analyze is there (if not: npm run setup)", () => {
  expect(analyze).not.toBeNull();
});

test.each(units)("%s is exposed by 1.5 at most, as systemd counts", (name, text) => {
  const folder = mkdtempSync(join(tmpdir(), "units-"));
  try {
    writeFileSync(join(folder, name), text);
    const command = [analyze ?? "", "security", "--offline=true", `--threshold=${THRESHOLD}`, "--no-pager"];
    const run = Bun.spawnSync([...command, `./${name}`], { cwd: folder, stderr: "pipe" });
    const verdict = run.stdout.toString().trim().split("\n").at(-1);
    expect({ code: run.exitCode, verdict, errors: run.stderr.toString() }).toEqual({
      code: 0,
      verdict: expect.stringMatching(/OK/),
      errors: "",
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
});

/** Systemd's own count, 0 (safe) to 10, of a unit with this text. */
function exposureOf(text: string): number {
  const folder = mkdtempSync(join(tmpdir(), "units-"));
  try {
    writeFileSync(join(folder, "checkout-example.service"), text);
    const command = [analyze ?? "", "security", "--offline=true", "--no-pager", "./checkout-example.service"];
    const run = Bun.spawnSync(command, { cwd: folder, stderr: "pipe" });
    expect(run.stderr.toString()).toBe("");
    return Number(/exposure level for \S+: ([\d.]+)/.exec(run.stdout.toString())?.[1]);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test.each(Object.entries(unitExamples()))(
  "%s: systemd understands it, and counts less exposure",
  (path, example) => {
    const unit = unitFiles()[path.replace(".d/addresses.conf", "")] ?? "";
    expect(exposureOf(`${unit}\n${example}`)).toBeLessThan(exposureOf(unit));
  },
);
