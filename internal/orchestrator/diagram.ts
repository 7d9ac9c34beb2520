// Draws docs/saga.md from the saga table, so that the picture always matches the code. `bun run diagram` writes the file; a test
// fails when it is stale.
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

function stateDiagram(): string {
  const lines = ["stateDiagram-v2", "    direction TB"];
  for (const { step } of STEPS) lines.push(`    state "${statusDuring(step)} / ${step}" as ${step}`);
  for (const step of undoOrder(STEPS.length))
    lines.push(`    state "COMPENSATING / undo ${step}" as ${undoing(step)}`);
  lines.push(`    [*] --> reserve: ${rowOf("reserve").command}`);
  STEPS.forEach(({ step, success, refusal, compensateOnHoldExpiry }, index) => {
    const next = STEPS[index + 1];
    const target = next === undefined ? "COMPLETED" : next.step;
    lines.push(`    ${step} --> ${target}: ${success}`);
    lines.push(`    ${step} --> ${firstUndo(index)}: ${refusal}`);
    const uncertain = compensateOnHoldExpiry ? "deadline, cancel, ReservationExpired" : "deadline, cancel";
    lines.push(`    ${step} --> ${firstUndo(index + 1)}: ${uncertain}`);
  });
  for (const step of undoOrder(STEPS.length)) {
    const index = STEPS.findIndex((row) => row.step === step);
    const replies = rowOf(step).undo?.replies.join(" or ") ?? "";
    lines.push(`    ${undoing(step)} --> ${firstUndo(index)}: ${replies}`);
  }
  lines.push("    COMPLETED --> [*]", "    COMPENSATED --> [*]");
  return lines.join("\n");
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
