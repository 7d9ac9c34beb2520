// Wrong arguments are told before anything is started, by the benchmark, the chaos run, the model and the mutants.
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
  ["chaos", ["--faults", "many"], "--faults is a whole number, not many"],
  ["chaos", ["--only", "earthquake"], "no kind of fault is called earthquake"],
  ["chaos", ["--fault", "3"], "--fault"],
  ["bench", ["--second", "3"], "--second"],
  ["bench", ["steadily"], "there is no scenario steadily"],
  ["bench", ["--seconds", "0"], "--seconds some above 0"],
  ["bench", ["--warm-up", "long"], "--warm-up takes seconds"],
  ["bench", ["--latency", "200ms"], "--latency 200ms is none"],
  ["bench", ["steady", "--rate", "fast"], "--rate takes checkouts a second"],
  ["bench", ["backlog", "--orders", "0.5"], "--orders takes a whole number"],
  ["bench", ["steady", "--against", "no-such-commit"], "--against no-such-commit names no commit"],
  ["bench", ["--rounds", "0"], "--rounds takes a whole number"],
  ["bench", ["cold-start", "--stack", "/nowhere"], "cold-start needs a stack of its own"],
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
  [["compare", "one.json"], "it takes two files"],
  [["compare", "a.json", "b.json", "--al"], "--al"],
  [["report"], "it takes the files of runs"],
  [["headline", "--seconds", "0"], "--seconds takes some above 0"],
  [["headline", "--latency", "slow"], "--latency slow is none"],
  [["micro", "no-such-piece"], "no piece has no-such-piece in its name"],
])("bench %j", async (args, told) => {
  const { code, output, errors } = await run("bench", ...args);
  expect([code, output]).toEqual([2, ""]);
  expect(errors).toContain(told);
  expect(errors).toContain(`see bun run bench ${args[0]} --help`);
});

test("a file that is no run is named", async () => {
  const { code, errors } = await run("bench", "compare", import.meta.path, import.meta.path);
  expect([code, errors]).toEqual([1, `${import.meta.path} is not to be read as JSON\n`]);
});

test.each([
  ["chaos", ["--seed", "--json", "--keep", "Kafka leader kill", "clock jump"]],
  [
    "bench",
    ["--latency", "--require-target", "--rate", "saturate", "steady", "compensation", "relay-outage"],
  ],
  ["model", ["--json"]],
  ["mutation", ["--only", "--layer", "--json", "--list"]],
] as const)("%s --help lists every option and what can be chosen", async (program, words) => {
  const { code, output } = await run(program, "--help");
  expect(code).toBe(0);
  for (const word of words) expect(output).toContain(word);
});
