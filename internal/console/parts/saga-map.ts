// Where the boxes and arrows of the saga's diagram go, and how many sagas take each arrow. The graph is generated from the saga table
// (`bun run diagram`) of both tables, so a new step appears by itself. Pure. Drawn by parts/diagram.tsx.
import type { SagaFlow } from "../../../schemas/overview.ts";
import type { Flow } from "../../operations/saga-rate-store.ts";
import graph from "./saga-graph.json" with { type: "json" };

export interface MapNode {
  readonly id: string;
  readonly title: string;
  readonly statuses: readonly string[];
  readonly step: string | null;
  readonly kind: string;
  readonly column: number;
  readonly row: 0 | 1;
}

export interface MapEdge {
  readonly from: MapNode;
  readonly to: MapNode;
  /** The status that a saga leaves. */
  readonly status: string;
  readonly causes: readonly string[];
}

/** What the history calls the causes that are no messages. */
const CAUSE_TYPES: Readonly<Record<string, string>> = {
  deadline: "DeadlinePassed",
  cancel: "OperatorCancel",
};

const forward = graph.nodes.filter(({ kind }) => kind === "forward");

export const COLUMNS = forward.length + 2;

export const NODES: readonly MapNode[] = graph.nodes.map((node) => ({
  ...node,
  title: node.step === null ? node.id : node.kind === "undo" ? `undo ${node.step}` : node.step,
  // The way forward is above, from left to right; the way back below it, from right to left.
  row: node.kind === "forward" || node.id === "COMPLETED" ? 0 : 1,
  column:
    node.step === null
      ? node.id === "COMPLETED"
        ? COLUMNS - 1
        : 0
      : 1 + forward.findIndex(({ step }) => step === node.step),
}));

const byId = new Map(NODES.map((node) => [node.id, node]));

/** One per pair of boxes. */
export const EDGES: readonly MapEdge[] = [
  ...Map.groupBy(graph.edges, ({ from, to }) => `${from} ${to}`).values(),
].flatMap((same) => {
  const [first] = same;
  const [from, to] = [byId.get(first?.from ?? ""), byId.get(first?.to ?? "")];
  return first === undefined || from === undefined || to === undefined
    ? []
    : [{ from, to, status: first.status, causes: same.flatMap(({ causes }) => causes) }];
});

/** Sagas in progress in this box. */
export function openAt(node: MapNode, open: SagaFlow["in_progress"]): number {
  return open
    .filter(
      ({ status, step }) => step === node.step && (node.kind === "undo") === (status === "COMPENSATING"),
    )
    .reduce((sum, { count }) => sum + count, 0);
}

/**
 * Sagas that took this arrow in the last minute. The history has the status that a saga left, not the step: of several steps with one
 * status, the first one counts.
 */
export function flowAlong(edge: MapEdge, flows: readonly Flow[]): number {
  return flows
    .filter((flow) => EDGES.find((other) => isAlong(other, flow)) === edge)
    .reduce((sum, { count }) => sum + count, 0);
}

function isAlong({ to, status, causes }: MapEdge, flow: Flow): boolean {
  return (
    flow.from_status === status &&
    targetOf(flow.to_status, flow.step) === to.id &&
    causes.some((cause) => (CAUSE_TYPES[cause] ?? cause) === flow.message_type)
  );
}

function targetOf(status: string, step: string): string {
  if (byId.get(status)?.kind === "end") return status;
  return status === "COMPENSATING" ? `undo_${step}` : step;
}
