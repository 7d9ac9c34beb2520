// Wrong arguments are rejected before anything starts, by the benchmark, the chaos run, the model and the mutation run.
import { expect, test } from "bun:test";
import { join } from "node:path";

const PROGRAMS = {
  bench: "main.ts",
  chaos: "chaos/main.ts",
  model: "../internal/testkit/model/main.ts",
  mutation: "../internal/testkit/mutation/main.ts",
} as const;
type Program = keyof typeof PROGRAMS;

async function run(program: Program, ...args: readonly string[]) {
  const child = Bun.spawn([process.execPath, join(import.meta.dir, PROGRAMS[program]), ...args], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [output, errors] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  return { code: await child.exited, output, errors };
}

const WRONG: readonly (readonly [Program, readonly string[], string])[] = [
  ["chaos", ["--faults", "many"], "--faults must be a whole number, not many"],
  ["chaos", ["--only", "earthquake"], "there is no kind of fault earthquake"],
  ["chaos", ["--fault", "3"], "--fault"],
  ["bench", ["--second", "3"], "--second"],
  ["bench", ["steadily"], "there is no scenario steadily"],
  ["bench", ["--seconds", "0"], "--seconds above 0"],
  ["bench", ["--warm-up", "long"], "--warm-up must be at least 0"],
  ["bench", ["--latency", "200ms"], "not 200ms"],
  ["bench", ["steady", "--rate", "fast"], "--rate must be checkouts a second"],
  ["bench", ["backlog", "--orders", "0.5"], "--orders must be a whole number"],
  ["bench", ["steady", "--against", "no-such-commit"], "--against: there is no commit no-such-commit"],
  ["bench", ["--rounds", "0"], "--rounds must be a whole number"],
  ["bench", ["steady", "--secure", "--stack", "/nowhere"], "--secure is for a new stack"],
  ["bench", ["cold-start", "--stack", "/nowhere"], "cold-start needs its own stack"],
  ["model", ["--jsn"], "--jsn"],
  ["mutation", ["--onl", "x"], "--onl"],
  ["mutation", ["--only", "no-such-mutant"], "there is no mutant no-such-mutant"],
  ["mutation", ["--layer", "moon"], "there is no layer moon"],
];

test.each(WRONG)("%s %j", async (program, args, told) => {
  const { code, output, errors } = await run(program, ...args);
  expect([code, output]).toEqual([2, ""]);
  expect(errors).toContain(told);
  expect(errors).toContain(`see bun run ${program} --help`);
  expect(errors.trim().split("\n")).toHaveLength(1);
});

test.each([
  [["compare", "one.json"], "give two files"],
  [["compare", "a.json", "b.json", "--al"], "--al"],
  [["report"], "give at least one run file"],
  [["headline", "--seconds", "0"], "--seconds must be above 0"],
  [["headline", "--latency", "slow"], "not slow"],
  [["holding", "--rate", "0"], "--rounds, --seconds and --rate must be above 0"],
  [["encryption", "--rounds", "0"], "--rounds, --seconds and --rate must be above 0"],
  [["tracing", "--scenario", "steadily"], "there is no scenario steadily"],
  [["micro", "no-such-piece"], "no name contains no-such-piece"],
])("bench %j", async (args, told) => {
  const { code, output, errors } = await run("bench", ...args);
  expect([code, output]).toEqual([2, ""]);
  expect(errors).toContain(told);
  expect(errors).toContain(`see bun run bench ${args[0]} --help`);
});

test("a file that is not a run is named in the error", async () => {
  const { code, errors } = await run("bench", "compare", import.meta.path, import.meta.path);
  expect([code, errors]).toEqual([1, `${import.meta.path} is not JSON\n`]);
});

test.each([
  ["chaos", ["--seed", "--json", "--keep", "Kafka leader kill", "clock jump"]],
  [
    "bench",
    ["--latency", "--require-target", "--rate", "saturate", "steady", "compensation", "relay-outage"],
  ],
  ["model", ["--json"]],
  ["mutation", ["--only", "--layer", "--json", "--list"]],
] as const)("%s --help lists every option and choice", async (program, words) => {
  const { code, output } = await run(program, "--help");
  expect(code).toBe(0);
  for (const word of words) expect(output).toContain(word);
});
