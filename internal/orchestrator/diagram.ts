// Draws docs/saga.md from the saga table, so that the picture always matches the code, and writes the graph for the console, which may
// not import the orchestrator. `bun run diagram` writes the files; a test fails when one is stale.
import { isLeftOut, rowOf, type Step, statusDuring, type Table, TABLES, undoOrder } from "./steps.ts";

const undoing = (step: Step) => `undo_${step}`;

const INTRODUCTIONS: ReadonlyMap<number, string> = new Map([
  [1, "The money is taken first, and given back if the stock is lost."],
  [
    2,
    "The money is held at the bank first, and taken once the stock is confirmed. If the stock is lost, the hold is released and nothing was taken.",
  ],
]);

/** The whole document, ending with a newline. */
export function sagaDocument(): string {
  return `# The saga

<!-- Generated from internal/orchestrator/steps.ts by \`bun run diagram\`. Do not edit. -->

One pure function, \`decide\` in [saga.ts](../internal/orchestrator/saga.ts), applies these tables. A saga keeps the version of the table on
which it started. The orchestrator's setting \`AUTHORIZE_FIRST\` names the payment providers whose new sagas use table 2; all others use table 1.

${[...TABLES].map(section).join("\n\n")}

## Reading them

- The saga starts to compensate when a step is **refused**. It then undoes the steps before that step.
- The saga also starts to compensate when its **deadline** passes, its reservation **expires** or an **operator** cancels. It then undoes
  the step in progress too, because the command of that step was sent and may still take effect.
- An undo settles its step for good. It reverses what happened. If nothing has happened yet, it leaves a tombstone that refuses the late
  command. Money comes first: stock is released only after the payment is settled.
  The undo of \`authorize\` also settles \`capture\`: it releases what is held, and gives back what was taken.
- An undo without a reply is sent again with growing delays, without a limit. After a few resends an operator is called.
- \`COMPLETED\` and \`COMPENSATED\` never change. \`FAILED\` is a status of the HTTP API; no rule of these tables leads to it.
- In ${codes((row) => row.mayAskShopper)}, the bank may want the shopper to confirm the payment (\`PaymentActionRequired\`). The saga
  stays there with a later deadline, and sends \`ExtendReservation\`. Nothing waits for the reply: a hold that is gone is answered with \`ReservationExpired\`.
  A shopper who needs more time gets it once, in the same way.
- A checkout that costs nothing skips ${codes((row) => isLeftOut(row, 0))}: no command is written, so there is nothing to undo.
- The saga ignores every input that its table does not name, with a reason. Inputs that only occur when something is broken raise an
  alert.
`;
}

function section([version, table]: readonly [number, Table]): string {
  return `## Table ${version}

${INTRODUCTIONS.get(version) ?? ""}

${tableOfSteps(table)}

\`\`\`mermaid
${stateDiagram(table)}
\`\`\``;
}

/** The steps of all tables of which this holds. */
function codes(holds: (row: Table[number]) => boolean): string {
  const steps = [...TABLES.values()].flatMap((table) => table.filter(holds).map(({ step }) => step));
  return new Intl.ListFormat("en-GB", { style: "long", type: "conjunction" }).format(
    [...new Set(steps)].map(code),
  );
}

function tableOfSteps(table: Table): string {
  const rows = table.map(({ step, command, success, refusal, statusAfter, undo }, index) => {
    const commands =
      undo === null ? "" : [undo.command, undo.commandOncePaid].filter(Boolean).map(code).join(" or ");
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
  /** The status that the saga has there; it depends on its table. */
  readonly statuses: readonly string[];
  readonly kind: "forward" | "undo" | "end";
  /** Null at an end. */
  readonly step: string | null;
}

interface GraphEdge {
  readonly from: string;
  readonly to: string;
  /** The status that the saga leaves. */
  readonly status: string;
  /** Message types, or `deadline` and `cancel`. */
  readonly causes: readonly string[];
}

interface SagaGraph {
  readonly nodes: readonly GraphNode[];
  readonly edges: readonly GraphEdge[];
}

const UNCERTAIN = ["deadline", "cancel"];

function sagaGraph(table: Table): SagaGraph {
  const undone = undoOrder(table, table.length);
  const nodes: GraphNode[] = [
    ...table.map(({ step }) => ({
      id: step,
      statuses: [statusDuring(table, step)],
      kind: "forward" as const,
      step,
    })),
    ...undone.map((step) => ({
      id: undoing(step),
      statuses: ["COMPENSATING"],
      kind: "undo" as const,
      step,
    })),
    ...["COMPLETED", "COMPENSATED"].map((id) => ({
      id,
      statuses: [id],
      kind: "end" as const,
      step: null,
    })),
  ];
  const edges: GraphEdge[] = [];
  table.forEach(({ step, success, refusal, compensateOnHoldExpiry }, index) => {
    const causes = compensateOnHoldExpiry ? [...UNCERTAIN, "ReservationExpired"] : UNCERTAIN;
    const leaving = { from: step, status: statusDuring(table, step) };
    edges.push(
      { ...leaving, to: table[index + 1]?.step ?? "COMPLETED", causes: [success] },
      { ...leaving, to: firstUndo(table, index), causes: [refusal] },
      { ...leaving, to: firstUndo(table, index + 1), causes },
    );
  });
  for (const step of undone) {
    const to = firstUndo(
      table,
      table.findIndex((row) => row.step === step),
    );
    const causes = rowOf(table, step).undo?.replies ?? [];
    edges.push({ from: undoing(step), status: "COMPENSATING", to, causes });
  }
  return { nodes, edges };
}

/** The graphs of all tables as one: the console shows all sagas in it. */
function mergedGraph(): SagaGraph {
  const graphs = [...TABLES.values()].map(sagaGraph);
  const nodes: GraphNode[] = [];
  for (const graph of graphs)
    for (const [index, node] of graph.nodes.entries()) {
      const at = nodes.findIndex(({ id }) => id === node.id);
      const known = nodes[at];
      if (known !== undefined) {
        nodes[at] = { ...known, statuses: [...new Set([...known.statuses, ...node.statuses])] };
        continue;
      }
      // Before the next place that is known.
      const next = graph.nodes.slice(index).find(({ id }) => nodes.some((other) => other.id === id));
      const before = nodes.findIndex(({ id }) => id === next?.id);
      nodes.splice(before === -1 ? nodes.length : before, 0, node);
    }
  const edges = new Map(graphs.flatMap((graph) => graph.edges.map((edge) => [JSON.stringify(edge), edge])));
  return { nodes, edges: [...edges.values()] };
}

/** For the console: JSON as the formatter wants it, ending with a newline. */
export function sagaGraphFile(): string {
  const { nodes, edges } = mergedGraph();
  const lines = (parts: readonly object[]) => parts.map(spaced).join(",\n");
  return `{\n  "nodes": [\n${lines(nodes)}\n  ],\n  "edges": [\n${lines(edges)}\n  ]\n}\n`;
}

/** The longest line that the formatter leaves whole. */
const LINE_WIDTH = 110;

/** On one line, if a comma fits behind it. */
function spaced(part: object): string {
  const fields = Object.entries(part).map(([name, value]) => `"${name}": ${texts(value)}`);
  const line = `    { ${fields.join(", ")} }`;
  return line.length < LINE_WIDTH
    ? line
    : `    {\n${fields.map((field) => `      ${field}`).join(",\n")}\n    }`;
}

function texts(value: unknown): string {
  return Array.isArray(value)
    ? `[${value.map((one) => JSON.stringify(one)).join(", ")}]`
    : JSON.stringify(value);
}

function stateDiagram(table: Table): string {
  const { nodes, edges } = sagaGraph(table);
  const text = (causes: readonly string[], kind: GraphNode["kind"] | undefined) =>
    causes.join(kind === "undo" ? " or " : ", ");
  const kindOf = (id: string) => nodes.find((node) => node.id === id)?.kind;
  return [
    "stateDiagram-v2",
    "    direction TB",
    ...nodes
      .filter(({ kind }) => kind !== "end")
      .map(
        ({ id, statuses, kind, step }) =>
          `    state "${statuses.join(" or ")} / ${kind === "undo" ? "undo " : ""}${step}" as ${id}`,
      ),
    `    [*] --> reserve: ${rowOf(table, "reserve").command}`,
    ...edges.map(({ from, to, causes }) => `    ${from} --> ${to}: ${text(causes, kindOf(from))}`),
    "    COMPLETED --> [*]",
    "    COMPENSATED --> [*]",
  ].join("\n");
}

/** Where the saga goes when the steps before index `until` must be undone. */
function firstUndo(table: Table, until: number): string {
  const [first] = undoOrder(table, until);
  return first === undefined ? "COMPENSATED" : undoing(first);
}

function code(text: string | undefined): string {
  return `\`${text ?? ""}\``;
}
