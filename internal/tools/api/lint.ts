// `bun run api:lint`: checks the OpenAPI document with Redocly's linter. A test runs it too.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { routesOf } from "../../gateway/app.ts";
import { openApiDocument } from "../../gateway/openapi.ts";
import { CACHE, REPOSITORY } from "../../stack/paths.ts";
import { servicesAt } from "../../testkit/gateway.ts";

export interface LintResult {
  readonly isClean: boolean;
  readonly output: string;
}

/** Any warning counts as a fault. */
export async function lintDocument(document: object): Promise<LintResult> {
  const folder = join(CACHE, "api");
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `openapi-${process.pid}.json`);
  await Bun.write(file, JSON.stringify(document, null, 1));
  const linter = Bun.spawn(
    [
      process.execPath,
      join(REPOSITORY, "node_modules/@redocly/cli/bin/cli.js"),
      "lint",
      file,
      "--config",
      join(import.meta.dir, "redocly.yaml"),
    ],
    {
      cwd: REPOSITORY,
      stdio: ["ignore", "pipe", "pipe"],
      // It would report its use and look for updates.
      env: {
        ...process.env,
        REDOCLY_TELEMETRY: "off",
        REDOCLY_SUPPRESS_UPDATE_NOTICE: "true",
        NO_COLOR: "1",
      },
    },
  );
  const [output, errors, code] = await Promise.all([
    linter.stdout.text(),
    linter.stderr.text(),
    linter.exited,
  ]);
  await Bun.file(file).delete();
  return { isClean: code === 0 && !/\d+ warnings?/.test(output + errors), output: output + errors };
}

/** The document of the gateway. */
export function ourDocument(): object {
  return openApiDocument(routesOf({ ...servicesAt({}), seal: (token) => token, currencies: new Set() }));
}

if (import.meta.main) {
  const { isClean, output } = await lintDocument(ourDocument());
  console.log(output.trim());
  process.exit(isClean ? 0 : 1);
}
