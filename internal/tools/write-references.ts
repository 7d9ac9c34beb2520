// `bun run references`: writes docs/settings.md and docs/metrics.md from the code.
import { join } from "node:path";
import { REPOSITORY } from "../stack/paths.ts";
import { metricsDocument, readRoleSources, settingsDocument } from "./references.ts";

await Bun.write(join(REPOSITORY, "docs/settings.md"), settingsDocument());
await Bun.write(join(REPOSITORY, "docs/metrics.md"), await metricsDocument(await readRoleSources()));
