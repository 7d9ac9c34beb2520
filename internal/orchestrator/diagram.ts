// Draws docs/saga.md from the saga table, so that the picture always matches the code, and writes the graph for the console, which may
// not import the orchestrator. `bun run diagram` writes the files; a test fails when one is stale.
import { type Saga, statusOf } from "./state.ts";
import { isLeftOut, rowOf, SAGA_TABLE_VERSION, STEPS, type Step, statusDuring, undoOrder } from "./steps.ts";

const undoing = (step: Step) => `undo_${step}`;

/** The whole document, ending with a newline. */
export function sagaDocument(): string {
  return `# The saga

<!-- Generated from internal/orchestrator/steps.ts by \`bun run diagram\`. Do not edit. -->

Table version ${SAGA_TABLE_VERSION}. One pure function, \`decide\` in [saga.ts](../internal/orchestrator/saga.ts), applies this table.

${tableOfSteps()}

\`\`\`mermaid
${stateDiagram()}
\`\`\`

Reading it:

- The saga starts to compensate when a step is **refused**. It then undoes the steps before that step.
- The saga also starts to compensate when its **deadline** passes, its reservation **expires** or an **operator** cancels. It then undoes
  the step in progress too, because the command of that step was sent and may still take effect.
- An undo settles its step for good. It reverses what happened. If nothing has happened yet, it leaves a tombstone that refuses the late
  command. Money comes first: stock is released only after the payment is settled.
- An undo without a reply is sent again with growing delays, without a limit. After a few resends an operator is called.
- \`COMPLETED\` and \`COMPENSATED\` never change. \`FAILED\` is a status of the HTTP API; no rule of this table leads to it.
- In \`charge\`, the bank may want the shopper to confirm the payment (\`PaymentActionRequired\`). The saga stays there with a later deadline, and
  sends \`ExtendReservation\`. Nothing waits for the reply: a hold that is gone is answered with \`ReservationExpired\`.
  A shopper who needs more time gets it once, in the same way.
- A checkout that costs nothing skips ${leftOut()}: no command is written, so there is nothing to undo.
- The saga ignores every input that the table does not name, with a reason. Inputs that only occur when something is broken raise an
  alert.
`;
}

function leftOut(): string {
  return STEPS.filter((row) => isLeftOut(row, 0))
    .map(({ step }) => code(step))
    .join(" and ");
}

function tableOfSteps(): string {
  const rows = STEPS.map(({ step, command, success, refusal, statusAfter, undo }, index) => {
    const commands =
      undo === null ? "" : [undo.command, undo.commandAfterSuccess].filter(Boolean).map(code).join(" or ");
    const undoCell =
      undo === null
        ? "covered by the undo of an earlier step"
        : `${commands} -> ${undo.replies.map(code).join(" or ")}`;
    return `| ${index + 1} | ${step} | ${code(command)} | ${code(success)} | ${code(refusal)} | ${statusAfter} | ${undoCell} |`;
  });
  return [
    "| # | step | command | success | refusal | status after success | undone by -> settled by |",
    "| --- | --- | --- | --- | --- | --- | --- |",
    ...rows,
  ].join("\n");
}

/** A place where a saga can stand. */
interface GraphNode {
  readonly id: string;
  /** The status that the saga has there. */
  readonly status: string;
  readonly kind: "forward" | "undo" | "end";
  /** Null at an end. */
  readonly step: string | null;
}

interface GraphEdge {
  readonly from: string;
  readonly to: string;
  /** Message types, or `deadline` and `cancel`. */
  readonly causes: readonly string[];
}

interface SagaGraph {
  readonly nodes: readonly GraphNode[];
  readonly edges: readonly GraphEdge[];
}

const UNCERTAIN = ["deadline", "cancel"];

function sagaGraph(): SagaGraph {
  const undone = undoOrder(STEPS.length);
  const nodes: GraphNode[] = [
    ...STEPS.map(({ step }) => ({ id: step, status: statusDuring(step), kind: "forward" as const, step })),
    ...undone.map((step) => ({ id: undoing(step), status: "COMPENSATING", kind: "undo" as const, step })),
    ...["COMPLETED", "COMPENSATED"].map((id) => ({ id, status: id, kind: "end" as const, step: null })),
  ];
  const edges: GraphEdge[] = [];
  STEPS.forEach(({ step, success, refusal, compensateOnHoldExpiry }, index) => {
    const causes = compensateOnHoldExpiry ? [...UNCERTAIN, "ReservationExpired"] : UNCERTAIN;
    edges.push(
      { from: step, to: STEPS[index + 1]?.step ?? "COMPLETED", causes: [success] },
      { from: step, to: firstUndo(index), causes: [refusal] },
      { from: step, to: firstUndo(index + 1), causes },
    );
  });
  for (const step of undone) {
    const to = firstUndo(STEPS.findIndex((row) => row.step === step));
    edges.push({ from: undoing(step), to, causes: rowOf(step).undo?.replies ?? [] });
  }
  return { nodes, edges };
}

/** For the console: JSON with one line per node and edge, ending with a newline. */
export function sagaGraphFile(): string {
  const { nodes, edges } = sagaGraph();
  const lines = (parts: readonly object[]) => parts.map((part) => `    ${spaced(part)}`).join(",\n");
  return `{\n  "nodes": [\n${lines(nodes)}\n  ],\n  "edges": [\n${lines(edges)}\n  ]\n}\n`;
}

/** On one line, as the formatter wants it. */
function spaced(part: object): string {
  const fields = Object.entries(part).map(([name, value]) => `"${name}": ${texts(value)}`);
  return `{ ${fields.join(", ")} }`;
}

function texts(value: unknown): string {
  return Array.isArray(value)
    ? `[${value.map((one) => JSON.stringify(one)).join(", ")}]`
    : JSON.stringify(value);
}

function stateDiagram(): string {
  const { nodes, edges } = sagaGraph();
  const text = (causes: readonly string[], kind: GraphNode["kind"] | undefined) =>
    causes.join(kind === "undo" ? " or " : ", ");
  const kindOf = (id: string) => nodes.find((node) => node.id === id)?.kind;
  return [
    "stateDiagram-v2",
    "    direction TB",
    ...nodes
      .filter(({ kind }) => kind !== "end")
      .map(
        ({ id, status, kind, step }) =>
          `    state "${status} / ${kind === "undo" ? "undo " : ""}${step}" as ${id}`,
      ),
    `    [*] --> reserve: ${rowOf("reserve").command}`,
    ...edges.map(({ from, to, causes }) => `    ${from} --> ${to}: ${text(causes, kindOf(from))}`),
    "    COMPLETED --> [*]",
    "    COMPENSATED --> [*]",
  ].join("\n");
}

/** Where the saga goes when the steps before index `until` must be undone. */
function firstUndo(until: number): string {
  const [first] = undoOrder(until);
  return first === undefined ? statusOf(compensatedSample) : undoing(first);
}

const compensatedSample: Saga["position"] = {
  kind: "compensated",
  at: "reserve",
  failure: { code: "", message: "" },
};

function code(text: string | undefined): string {
  return `\`${text ?? ""}\``;
}
