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
/** All are judged under one name. */
const UNIT = "checkout-example.service";
const analyze = Bun.which("systemd-analyze");

test("systemd-analyze is there (if not: npm run setup)", () => {
  expect(analyze).not.toBeNull();
});

/** What `systemd-analyze security` says about a unit with this text. */
function judged(text: string, ...options: readonly string[]) {
  const folder = mkdtempSync(join(tmpdir(), "units-"));
  try {
    writeFileSync(join(folder, UNIT), text);
    const command = [analyze ?? "", "security", "--offline=true", ...options, "--no-pager", `./${UNIT}`];
    const run = Bun.spawnSync(command, { cwd: folder, stderr: "pipe" });
    return { code: run.exitCode, output: run.stdout.toString().trim(), errors: run.stderr.toString() };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test.each(units)("%s is exposed by 1.5 at most, as systemd counts", (_name, text) => {
  const { code, output, errors } = judged(text, `--threshold=${THRESHOLD}`);
  expect({ code, verdict: output.split("\n").at(-1), errors }).toEqual({
    code: 0,
    verdict: expect.stringMatching(/OK/),
    errors: "",
  });
});

/** Systemd's own count, 0 (safe) to 10. */
function exposureOf(text: string): number {
  const { output, errors } = judged(text);
  expect(errors).toBe("");
  return Number(/exposure level for \S+: ([\d.]+)/.exec(output)?.[1]);
}

test.each(Object.entries(unitExamples()))(
  "%s: systemd understands it, and counts less exposure",
  (path, example) => {
    const unit = unitFiles()[path.replace(".d/addresses.conf", "")] ?? "";
    expect(exposureOf(`${unit}\n${example}`)).toBeLessThan(exposureOf(unit));
  },
);
