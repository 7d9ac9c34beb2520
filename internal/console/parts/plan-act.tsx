// A button that makes a plan of dead letters. The plan's page shows every decision, and starts it.
import type { ComponentChildren } from "preact";
import { PLAN_DEFAULTS } from "../../operations/plan-defaults.ts";
import type { Frame } from "../visit.ts";
import { Act } from "./act.tsx";

export function PlanAct({
  frame,
  kind,
  command,
  impossible,
  what,
  children,
}: {
  readonly frame: Frame;
  readonly kind: "replay" | "discard";
  readonly command: string;
  readonly impossible: string | null;
  readonly what: string;
  readonly children: ComponentChildren;
}) {
  return (
    <Act
      frame={frame}
      id={`plan-${kind}`}
      action="/runs/plan"
      label={`Plan ${kind}`}
      confirm="Make the plan"
      impossible={impossible}
      sharesImpossible
      command={command}
      withoutReason
    >
      <p>
        Freezes what a {kind} of {what} would do, one decision for each. Nothing is{" "}
        {kind === "replay" ? "sent" : "discarded"} before the plan is started; its run then does at most{" "}
        {PLAN_DEFAULTS[`dead-letter.${kind}`].ratePerSecond} a second, unless you change the rate.
      </p>
      <p class="small soft">
        This plan may include messages that another run has planned but not reached, for example a paused run.
        Two runs never handle the same message at once, and each skips what is already handled.
      </p>
      <input type="hidden" name="kind" value={`dead-letter.${kind}`} />
      {children}
    </Act>
  );
}
