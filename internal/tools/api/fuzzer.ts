// Runs the API fuzzer (schemathesis) against a gateway. It reads the gateway's own OpenAPI document, sends valid and invalid requests
// to every route, and checks each answer against the document. Called by fuzz.ts and fuzz.int.test.ts.
import { join } from "node:path";
import { Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { CACHE, REPOSITORY } from "../../stack/paths.ts";

/** Where internal/tools/bootstrap.mjs installs it. */
const FUZZER = join(CACHE, "schemathesis/bin/schemathesis");
const CONFIG = join(import.meta.dir, "schemathesis.toml");
/** Sequences of requests are slow, because some wait for the end of a checkout. */
const MAX_SEQUENCES = 200;

/** The parts of the OpenAPI document and of the fuzzer's report that are used here. */
const Operation = Type.Object({
  parameters: Type.Optional(Type.Array(Type.Unknown())),
  requestBody: Type.Optional(Type.Unknown()),
});
const Document = Type.Object({ paths: Type.Record(Type.String(), Type.Record(Type.String(), Operation)) });
const Report = Type.Object({ test_cases: Type.Object({ generated: Type.Integer({ minimum: 0 }) }) });

export interface FuzzOptions {
  /** The gateway's address. */
  readonly url: string;
  /** A shopper's token. */
  readonly token: string;
  /** What exists there: a checkout of the shopper, perhaps an order, and a product. */
  readonly sagaId: string;
  readonly orderId?: string;
  readonly sku: string;
  /** Random requests in all, spread over the operations; systematic ones and sequences come on top. */
  readonly cases: number;
  readonly seed: number;
  /** Phases of the fuzzer; all if absent. */
  readonly phases?: string;
  readonly output: "shown" | "captured";
  /** Ends the fuzzer. */
  readonly signal?: AbortSignal;
}

export interface FuzzResult {
  readonly found: boolean;
  /** How many requests the fuzzer says it made. */
  readonly generated: number;
  /** The fuzzer's report; empty if it was shown. */
  readonly output: string;
}

export async function fuzz(options: FuzzOptions): Promise<FuzzResult> {
  const { token, cases, seed, phases, output } = options;
  const address = `${options.url.replace(/\/$/, "")}/api/v1/openapi.json`;
  if (!(await Bun.file(FUZZER).exists()))
    throw new Error(`${FUZZER} is missing; \`npm run setup\` installs it`);
  const examples = Math.ceil(cases / (await variedOperations(address)));
  const [config, report] = [fileOfThisRun("toml"), fileOfThisRun("json")];
  await Bun.write(config, configOf(await Bun.file(CONFIG).text(), options, examples));
  const command = [
    FUZZER,
    ["--config-file", config],
    "run",
    address,
    ["--header", `Authorization: Bearer ${token}`],
    ["--max-examples", String(examples)],
    ["--seed", String(seed)],
    ["--report-json-path", report],
    phases === undefined ? [] : ["--phases", phases],
    "--no-color",
  ].flat(2);
  const shown = output === "shown" ? "inherit" : "pipe";
  const child = Bun.spawn(command, {
    cwd: REPOSITORY,
    stdio: ["ignore", shown, shown],
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
  const [printed, errors, code] = await Promise.all([
    textOf(child.stdout),
    textOf(child.stderr),
    child.exited,
  ]);
  const generated = await generatedBy(report);
  for (const file of [config, report]) await Bun.file(file).delete();
  return { found: code !== 0, generated, output: printed + errors };
}

/** A run that made fewer cases than it was asked for proves less than it seems. */
export function verdictOf(
  { found, generated }: Pick<FuzzResult, "found" | "generated">,
  cases: number,
): { readonly isGood: boolean; readonly text: string } {
  const isShort = generated < cases;
  const text = `${generated} cases, at least ${cases} wanted${isShort ? ": TOO FEW" : ""}`;
  return { isGood: !found && !isShort, text };
}

/** The number of operations whose requests can differ: the fuzzer sends only one random request to each of the others. */
async function variedOperations(address: string): Promise<number> {
  const document = Value.Parse(Document, await (await fetch(address)).json());
  return Object.values(document.paths)
    .flatMap((path) => Object.values(path))
    .filter(({ parameters = [], requestBody }) => parameters.length > 0 || requestBody !== undefined).length;
}

/** 0 if the fuzzer ended without a report. */
async function generatedBy(report: string): Promise<number> {
  const file = Bun.file(report);
  return (await file.exists()) ? Value.Parse(Report, await file.json()).test_cases.generated : 0;
}

function fileOfThisRun(ending: string): string {
  return join(CACHE, "api", `fuzz-${process.pid}.${ending}`);
}

function configOf(text: string, { sagaId, orderId = sagaId, sku }: FuzzOptions, examples: number): string {
  const values: Readonly<Record<string, string>> = { sagaId, orderId, sku };
  // The fuzzer itself does not fill in variables in lists of values.
  const filled = text.replaceAll(/\{\{(\w+)\}\}/g, (_, name: string) => values[name] ?? "");
  // Without a limit there would be as many sequences as random requests for one operation.
  return `${filled}\n[phases.stateful.generation]\nmax-examples = ${Math.min(examples, MAX_SEQUENCES)}\n`;
}

function textOf(stream: ReadableStream<Uint8Array> | undefined): Promise<string> {
  return stream === undefined ? Promise.resolve("") : stream.text();
}
