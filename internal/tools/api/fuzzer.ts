// Runs the API fuzzer (schemathesis) against a gateway. It reads the gateway's own OpenAPI document, sends valid and invalid requests
// to every route, and checks each answer against the document. Called by fuzz.ts and fuzz.int.test.ts.
import { join } from "node:path";
import { CACHE, REPOSITORY } from "../../stack/paths.ts";

/** Where internal/tools/bootstrap.mjs installs it. */
const FUZZER = join(CACHE, "schemathesis/bin/schemathesis");
const CONFIG = join(import.meta.dir, "schemathesis.toml");

export interface FuzzOptions {
  /** The gateway's address. */
  readonly url: string;
  /** A shopper's token. */
  readonly token: string;
  /** What exists there: a checkout of the shopper, perhaps an order, and a product. */
  readonly sagaId: string;
  readonly orderId?: string;
  readonly sku: string;
  /** Random requests per operation, besides the systematic ones. */
  readonly examples: number;
  readonly seed: number;
  /** Phases of the fuzzer; all if absent. */
  readonly phases?: string;
  readonly output: "shown" | "captured";
}

export interface FuzzResult {
  readonly found: boolean;
  /** The fuzzer's report; empty if it was shown. */
  readonly output: string;
}

export async function fuzz(options: FuzzOptions): Promise<FuzzResult> {
  const { url, token, sagaId, orderId = sagaId, sku, examples, seed, phases, output } = options;
  if (!(await Bun.file(FUZZER).exists()))
    throw new Error(`${FUZZER} is missing; \`npm run setup\` installs it`);
  const config = join(CACHE, "api", `schemathesis-${process.pid}.toml`);
  await Bun.write(config, configWith(await Bun.file(CONFIG).text(), { sagaId, orderId, sku }));
  const command = [
    FUZZER,
    ["--config-file", config],
    "run",
    `${url.replace(/\/$/, "")}/api/v1/openapi.json`,
    ["--header", `Authorization: Bearer ${token}`],
    ["--max-examples", String(examples)],
    ["--seed", String(seed)],
    phases === undefined ? [] : ["--phases", phases],
    "--no-color",
  ].flat(2);
  const shown = output === "shown" ? "inherit" : "pipe";
  const child = Bun.spawn(command, { cwd: REPOSITORY, stdio: ["ignore", shown, shown] });
  const [report, errors, code] = await Promise.all([
    textOf(child.stdout),
    textOf(child.stderr),
    child.exited,
  ]);
  await Bun.file(config).delete();
  return { found: code !== 0, output: report + errors };
}

/** The fuzzer itself does not fill in variables in lists of values. */
function configWith(text: string, values: Readonly<Record<string, string>>): string {
  return text.replaceAll(/\{\{(\w+)\}\}/g, (_, name: string) => values[name] ?? "");
}

function textOf(stream: ReadableStream<Uint8Array> | undefined): Promise<string> {
  return stream === undefined ? Promise.resolve("") : stream.text();
}
