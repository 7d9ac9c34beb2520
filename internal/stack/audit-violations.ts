// The findings of an audit as lines, for the reports of the drills and for the e2e tests.
import type { AuditReport } from "../audit/audit.ts";

/** Reads what `checkoutctl audit --json` prints. Every violation as `invariant: saga: detail`. */
export function auditViolations(stdout: string): string[] {
  const { invariants }: AuditReport = JSON.parse(stdout);
  return invariants.flatMap(({ name, findings }) =>
    findings.map(({ saga_id, detail }) => `${name}: ${saga_id ?? "-"}: ${detail}`),
  );
}
