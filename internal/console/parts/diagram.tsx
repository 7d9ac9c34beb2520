// The saga's diagram with live counts: an SVG where there is room, and the same as a table, which is all that a narrow screen shows.
import type { SagaFlow } from "../../../schemas/overview.ts";
import { countText } from "../../kernel/counted.ts";
import type { Flow, LastHour } from "../../operations/saga-rate-store.ts";
import { COLUMNS, EDGES, flowAlong, type MapEdge, type MapNode, NODES, openAt } from "./saga-map.ts";

const COLUMN = 190;
const BOX = { width: 124, height: 60 };
const ROW = 150;
/** Above the upper row and below the lower one, for arrows that pass a box. */
const ARC = 34;
const HEIGHT = ROW + BOX.height + 2 * ARC;

interface Props {
  /** Null where it is not known. */
  readonly open: SagaFlow["in_progress"] | null;
  readonly flow: readonly Flow[] | null;
  readonly hour: LastHour | null;
}

export function SagaDiagram(props: Props) {
  return (
    <>
      <div class="diagram">
        <svg viewBox={`0 0 ${COLUMNS * COLUMN} ${HEIGHT}`} role="group" aria-label="Sagas by state">
          <defs>
            <marker
              id="arrow"
              viewBox="0 0 8 8"
              refX="7"
              refY="4"
              markerWidth="7"
              markerHeight="7"
              orient="auto"
            >
              <path d="M0 0L8 4L0 8z" class="arrow-head" />
            </marker>
            <marker
              id="arrow-live"
              viewBox="0 0 8 8"
              refX="7"
              refY="4"
              markerWidth="7"
              markerHeight="7"
              orient="auto"
            >
              <path d="M0 0L8 4L0 8z" class="arrow-head is-live" />
            </marker>
          </defs>
          {EDGES.map((edge) => (
            <Arrow key={`${edge.from.id} ${edge.to.id}`} edge={edge} flow={props.flow} />
          ))}
          {NODES.map((node) => (
            <Box key={node.id} node={node} {...props} />
          ))}
          {EDGES.map((edge) => (
            <FlowCount key={`${edge.from.id} ${edge.to.id}`} edge={edge} flow={props.flow} />
          ))}
        </svg>
        <details class="small">
          <summary>As a table</summary>
          <StateTable {...props} />
        </details>
      </div>
      <div class="diagram-narrow">
        <StateTable {...props} />
      </div>
    </>
  );
}

function countOf(node: MapNode, { open, hour }: Props): number | null {
  if (node.kind !== "end") return open === null ? null : openAt(node, open);
  if (hour === null) return null;
  return node.id === "COMPLETED" ? hour.completed : hour.compensated;
}

function hrefOf({ statuses, kind, step }: MapNode): string {
  const fields = new URLSearchParams({ status: statuses.join(",") });
  if (kind === "forward" && step !== null) fields.set("step", step);
  return `/sagas?${fields}`;
}

const noteOf = (node: MapNode) =>
  node.kind === "end"
    ? "in the last hour"
    : node.statuses.map((status) => status.toLowerCase().replaceAll("_", " ")).join(" or ");

function Box({ node, ...props }: Props & { readonly node: MapNode }) {
  const count = countOf(node, props);
  const { x, y } = placeOf(node);
  return (
    <a href={hrefOf(node)}>
      <g
        class={`box is-${node.kind}${count === null || count === 0 ? "" : " is-live"}${node.row === 1 ? " is-back" : ""}`}
      >
        <rect x={x} y={y} width={BOX.width} height={BOX.height} rx="7" />
        <text x={x + 10} y={y + 19} class="box-title">
          {`${node.title} `}
        </text>
        <text x={x + 10} y={y + (node.kind === "end" ? 39 : 45)} class="box-count">
          {count === null ? "?" : countText(count)}
        </text>
        {node.kind === "end" ? (
          <text x={x + 10} y={y + 54} class="box-note">
            last hour
          </text>
        ) : null}
      </g>
    </a>
  );
}

function placeOf({ column, row }: MapNode): { readonly x: number; readonly y: number } {
  return { x: column * COLUMN + (COLUMN - BOX.width) / 2, y: ARC + row * ROW };
}

function Arrow({ edge, flow }: { readonly edge: MapEdge; readonly flow: readonly Flow[] | null }) {
  const count = flow === null ? 0 : flowAlong(edge, flow);
  const { path } = routeOf(edge);
  return (
    <g class={flow === null ? "flow is-unknown" : count > 0 ? "flow is-live" : "flow"}>
      <path d={path} marker-end={`url(#arrow${count > 0 ? "-live" : ""})`}>
        <title>{`${edge.from.title} to ${edge.to.title}: ${edge.causes.join(", ")}`}</title>
      </path>
    </g>
  );
}

/** Drawn after the boxes, so that no box hides it. */
function FlowCount({ edge, flow }: { readonly edge: MapEdge; readonly flow: readonly Flow[] | null }) {
  const count = flow === null ? null : flowAlong(edge, flow);
  const { at } = routeOf(edge);
  return count === 0 ? null : (
    <text x={at.x} y={at.y} class="flow-count">
      {count === null ? "?" : `${countText(count)}/min`}
    </text>
  );
}

/** Straight along a row, around the boxes that it passes; between the rows in a curve that leaves downwards and arrives downwards. */
function routeOf({ from, to }: Pick<MapEdge, "from" | "to">) {
  const [start, end] = [placeOf(from), placeOf(to)];
  const middle = BOX.height / 2;
  if (from.row === to.row && passesBox({ from, to })) {
    const outer = from.row === 0 ? start.y : start.y + BOX.height;
    const turn = from.row === 0 ? outer - 2 * ARC : outer + 2 * ARC;
    const [x1, x2] = [start.x + BOX.width / 2, end.x + BOX.width / 2];
    return {
      path: `M${x1} ${outer}C${x1} ${turn} ${x2} ${turn} ${x2} ${outer}`,
      at: { x: (x1 + x2) / 2, y: (outer + turn) / 2 },
    };
  }
  if (from.row === to.row) {
    const isForward = to.column > from.column;
    const [x1, x2] = isForward ? [start.x + BOX.width, end.x - 3] : [start.x, end.x + BOX.width + 3];
    return {
      path: `M${x1} ${start.y + middle}H${x2}`,
      at: { x: (x1 + x2) / 2, y: start.y + middle - 6 },
    };
  }
  // Arrows into one box arrive side by side, those from the left on the left.
  const shift = Math.max(-1, Math.min(1, from.column - to.column)) * 28;
  const [x1, y1] = [start.x + BOX.width / 2 - shift / 2, start.y + BOX.height];
  const [x2, y2] = [end.x + BOX.width / 2 + shift, end.y - 3];
  const bend = (y2 - y1) * 0.55;
  return {
    path: `M${x1} ${y1}C${x1} ${y1 + bend} ${x2} ${y2 - bend} ${x2} ${y2}`,
    at: { x: (x1 + x2) / 2 + (x1 === x2 ? 4 : 0), y: (y1 + y2) / 2 },
  };
}

function passesBox({ from, to }: Pick<MapEdge, "from" | "to">): boolean {
  const [left, right] = [Math.min(from.column, to.column), Math.max(from.column, to.column)];
  return NODES.some(({ row, column }) => row === from.row && column > left && column < right);
}

function StateTable(props: Props) {
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">State</th>
          <th scope="col" class="right">
            Sagas
          </th>
          <th scope="col" class="right">
            Leave per minute
          </th>
        </tr>
      </thead>
      <tbody>
        {NODES.map((node) => {
          const count = countOf(node, props);
          const leaving = EDGES.filter(({ from }) => from === node);
          const { flow } = props;
          return (
            <tr key={node.id}>
              <th scope="row">
                <a href={hrefOf(node)}>{node.title}</a> <span class="soft small">{noteOf(node)}</span>
              </th>
              <td class="right">{count === null ? "unknown" : countText(count)}</td>
              <td class="right">
                {leaving.length === 0
                  ? ""
                  : flow === null
                    ? "unknown"
                    : countText(leaving.reduce((sum, edge) => sum + flowAlong(edge, flow), 0))}
              </td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}
