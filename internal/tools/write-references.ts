// `bun run references`: writes docs/settings.md, docs/metrics.md, docs/cli.md, docs/failure-codes.md, deploy/systemd/ and
// deploy/systemd-examples/ from the code.
import { join } from "node:path";
import { REPOSITORY } from "../stack/paths.ts";
import { cliDocument } from "./cli-reference.ts";
import { failureCodesDocument } from "./failure-codes.ts";
import { unitExamples } from "./release/unit-examples.ts";
import { unitFiles } from "./release/units.ts";
import { metricsDocument, readRoleSources, settingsDocument } from "./references.ts";

await Bun.write(join(REPOSITORY, "docs/settings.md"), settingsDocument());
await Bun.write(join(REPOSITORY, "docs/metrics.md"), await metricsDocument(await readRoleSources()));
await Bun.write(join(REPOSITORY, "docs/failure-codes.md"), failureCodesDocument());
await Bun.write(join(REPOSITORY, "docs/cli.md"), await cliDocument());
for (const [name, text] of Object.entries(unitFiles()))
  await Bun.write(join(REPOSITORY, "deploy/systemd", name), text);
for (const [path, text] of Object.entries(unitExamples()))
  await Bun.write(join(REPOSITORY, "deploy/systemd-examples", path), text);
