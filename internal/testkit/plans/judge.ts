// What may be wrong with a plan, by its shape alone: how much a statement reads must not grow with the tables, nor what a batch
// costs with its square. Called by plans.int.test.ts with what EXPLAIN and auto_explain say.

/** A node of `explain (format json)`, as far as it matters here. */
export interface PlanNode {
  readonly "Node Type": string;
  readonly "Parent Relationship"?: string;
  readonly "Relation Name"?: string;
  readonly "Index Name"?: string;
  readonly "Index Cond"?: string;
  readonly Filter?: string;
  readonly "Join Filter"?: string;
  readonly "Rows Removed by Filter"?: number;
  readonly "Rows Removed by Index Recheck"?: number;
  readonly "Rows Removed by Join Filter"?: number;
  readonly "Actual Rows"?: number;
  readonly "Actual Loops"?: number;
  readonly "Shared Hit Blocks"?: number;
  readonly "Shared Read Blocks"?: number;
  readonly Plans?: readonly PlanNode[];
}

/** What the judge has to know of a database. */
export interface Catalogue {
  /** Indexes over part of a table: what is open, due, unpublished. */
  readonly partialIndexes: ReadonlySet<string>;
}

/** Holds one row, whatever happens. */
const SMALL = new Set(["reconciliation"]);
/** Reads its input to the end before it hands on the first row, so that a limit above saves nothing. */
const BLOCKING = /^(?:Sort|Aggregate|Hash|Hash Join|Bitmap Heap Scan|Materialize|Unique|Nested Loop|Result)$/;
const INDEX_SCAN = /^(?:Index Scan|Index Only Scan|Bitmap Index Scan)$/;

/** Sentences; none for a plan that is good. */
export function faultsOf(plan: PlanNode, catalogue: Catalogue): readonly string[] {
  return faultsBelow(plan, catalogue, false);
}

/** `isLimited`: a limit above ends the reading early. */
function faultsBelow(node: PlanNode, catalogue: Catalogue, isLimited: boolean): readonly string[] {
  const type = node["Node Type"];
  const passesOn = type === "Limit" || (isLimited && !BLOCKING.test(type));
  return [
    ...faultsAt(node, catalogue, isLimited),
    ...childrenOf(node).flatMap((child) =>
      // An init plan and a sub plan are statements of their own.
      faultsBelow(
        child,
        catalogue,
        passesOn && child["Parent Relationship"] !== "InitPlan" && child["Parent Relationship"] !== "SubPlan",
      ),
    ),
  ];
}

function faultsAt(node: PlanNode, { partialIndexes }: Catalogue, isLimited: boolean): readonly string[] {
  const type = node["Node Type"];
  const where = node["Relation Name"] ?? node["Index Name"] ?? "";
  // The server's own tables do not grow with the business.
  if (type === "Seq Scan" && !SMALL.has(where) && !where.startsWith("pg_")) return [`reads all of ${where}`];
  if (INDEX_SCAN.test(type) && node["Index Cond"] === undefined) {
    const index = node["Index Name"] ?? "";
    if (isLimited && (node.Filter === undefined || partialIndexes.has(index))) return [];
    return [`reads all of the index ${index}`];
  }
  if (type === "Nested Loop" && !isProbe(node)) return ["joins each row with each by a nested loop"];
  if (
    node["Parent Relationship"] === "SubPlan" &&
    /^(?:Function|CTE) Scan$/.test(type) &&
    node.Filter !== undefined
  )
    return ["walks a list again for each row"];
  return [];
}

/** Whether a nested loop looks up each outer row by key, or has only one. */
function isProbe(loop: PlanNode): boolean {
  const [outer, inner] = childrenOf(loop).filter((child) =>
    /^(?:Outer|Inner)$/.test(child["Parent Relationship"] ?? ""),
  );
  if (outer === undefined || inner === undefined) return false;
  return isOneRow(outer) || isOneRow(inner) || (loop["Join Filter"] === undefined && hasCondition(inner));
}

function isOneRow(node: PlanNode): boolean {
  return node["Node Type"] === "Result";
}

function hasCondition(node: PlanNode): boolean {
  return node["Index Cond"] !== undefined || childrenOf(node).some(hasCondition);
}

function childrenOf(node: PlanNode): readonly PlanNode[] {
  return node.Plans ?? [];
}

/** The most rows that any one node of the plan took in hand, those it threw away included. */
export function rowsRead(node: PlanNode): number {
  const loops = node["Actual Loops"] ?? 0;
  const removed =
    (node["Rows Removed by Filter"] ?? 0) +
    (node["Rows Removed by Index Recheck"] ?? 0) +
    (node["Rows Removed by Join Filter"] ?? 0);
  return Math.max(((node["Actual Rows"] ?? 0) + removed) * loops, ...childrenOf(node).map(rowsRead));
}
