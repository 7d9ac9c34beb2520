// Finds faults in a query plan by its shape: the rows a statement reads must not grow with the tables, and the cost of a batch must
// not grow with its square. Called by plans.int.test.ts with plans from EXPLAIN and auto_explain.

/** A node of `explain (format json)`, with the fields used here. */
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

/** The facts about a database that the judge needs. */
export interface Catalogue {
  /** Partial indexes: over open, due or unpublished rows. */
  readonly partialIndexes: ReadonlySet<string>;
}

/** Tables that always have one row. */
const SMALL = new Set(["reconciliation"]);
/** These nodes read their whole input before they return the first row, so a limit above them saves nothing. */
const BLOCKING = /^(?:Sort|Aggregate|Hash|Hash Join|Bitmap Heap Scan|Materialize|Unique|Nested Loop|Result)$/;
const INDEX_SCAN = /^(?:Index Scan|Index Only Scan|Bitmap Index Scan)$/;

/** The faults of the plan as sentences; none for a good plan. */
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
      // An init plan or a sub plan counts as a statement of its own.
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
  // It reads all that waits before it returns the first row, and never marks the entries of rows that were claimed before as dead.
  if (type === "Bitmap Index Scan" && partialIndexes.has(node["Index Name"] ?? ""))
    return [`reads the index ${node["Index Name"]} by a bitmap`];
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

/** True if a nested loop looks up each outer row by key, or has only one row on a side. */
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

/** The maximum number of rows that one node of the plan read, including discarded rows. */
export function rowsRead(node: PlanNode): number {
  const loops = node["Actual Loops"] ?? 0;
  const removed =
    (node["Rows Removed by Filter"] ?? 0) +
    (node["Rows Removed by Index Recheck"] ?? 0) +
    (node["Rows Removed by Join Filter"] ?? 0);
  return Math.max(((node["Actual Rows"] ?? 0) + removed) * loops, ...childrenOf(node).map(rowsRead));
}
