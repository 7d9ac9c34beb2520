// `bun run diagram`: writes docs/saga.md from the saga's transition table.
import { sagaDocument } from "../orchestrator/diagram.ts";

await Bun.write(`${import.meta.dir}/../../docs/saga.md`, sagaDocument());
