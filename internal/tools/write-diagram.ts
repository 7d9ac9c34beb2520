// `bun run diagram`: writes docs/saga.md, and the graph that the console draws, from the saga's transition table.
import { sagaDocument, sagaGraphFile } from "../orchestrator/diagram.ts";

await Bun.write(`${import.meta.dir}/../../docs/saga.md`, sagaDocument());
await Bun.write(`${import.meta.dir}/../console/parts/saga-graph.json`, sagaGraphFile());
