// Runs checkoutctl as a user does: a process with arguments, an environment, two streams and an exit code. For its own tests.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Value } from "@sinclair/typebox/value";
import { CLI_OUTPUTS } from "../../schemas/cli.ts";
import { OPTIMIZE_AFTER } from "../stack/child.ts";
import { REPOSITORY } from "../stack/paths.ts";
import { operatorSettings } from "./callers.ts";

/** What is wrong with the output of a command, by its schema; one sentence each. */
export function faultsOf(args: readonly string[], output: unknown): readonly string[] {
  const [first = "", second = ""] = args;
  const schema = CLI_OUTPUTS[`${first} ${second}`] ?? CLI_OUTPUTS[first];
  if (schema === undefined) return ["schemas/cli.ts has no schema of its output"];
  return [...Value.Errors(schema, output)]
    .slice(0, 5)
    .map(({ path, message }) => `${path || "it"}: ${message}`);
}

export type Environment = Readonly<Record<string, string>>;

/** `npm test` names the binary that it has just built: it starts in a fifth of the time. A test that is run by itself takes the source. */
export const CHECKOUTCTL_COMMAND: readonly string[] =
  process.env["CHECKOUTCTL"] === undefined
    ? [process.execPath, `${REPOSITORY}/cmd/checkoutctl/main.ts`]
    : [process.env["CHECKOUTCTL"]];

const OURS = Object.fromEntries(["PATH", OPTIMIZE_AFTER].map((name) => [name, process.env[name]]));

export class Checkoutctl implements AsyncDisposable {
  /** Empty at first, and removed with everything in it. */
  readonly directory: string;
  /** The settings of the operator Ada. */
  readonly #ada: Environment;

  private constructor(directory: string, ada: Environment) {
    this.directory = directory;
    this.#ada = ada;
  }

  static async open(): Promise<Checkoutctl> {
    return new Checkoutctl(await mkdtemp(join(tmpdir(), "checkoutctl-")), await operatorSettings("ada"));
  }

  /** Sets only `env` and who runs it (Ada), besides PATH and OPTIMIZE_AFTER, so that a running stack of the developer cannot affect the test. */
  spawn(args: readonly string[], env: Environment = {}) {
    return Bun.spawn([...CHECKOUTCTL_COMMAND, ...args], {
      env: { ...OURS, STACK_DIR: this.directory, ...this.#ada, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
  }

  async run(args: readonly string[], env: Environment = {}) {
    const child = this.spawn(args, env);
    const [stdout, stderr, code] = await Promise.all([
      child.stdout.text(),
      child.stderr.text(),
      child.exited,
    ]);
    return { stdout, stderr, code };
  }

  /**
   * Returns the parsed output of --json; throws stderr if there is no output, and the faults of an output that is not what schemas/cli.ts
   * says of this command. So each test of a command is one of its schema, too.
   */
  async json<T>(args: readonly string[], env: Environment = {}): Promise<T> {
    const { stdout, stderr, code } = await this.run([...args, "--json"], env);
    if (stdout === "") throw new Error(`checkoutctl ${args.join(" ")} exited with ${code}: ${stderr}`);
    const parsed: T = JSON.parse(stdout);
    const faults = faultsOf(args, parsed);
    if (faults.length > 0) throw new Error(`checkoutctl ${args.join(" ")}: ${faults.join("; ")}`);
    return parsed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.directory, { recursive: true });
  }
}
