// A button that opens a dialog, in which a person says why before something happens. Whoever may not act sees why beside the
// button. The dialog shows the line for the command line that does the same.
import type { ComponentChildren } from "preact";
import { Reason } from "../../../schemas/fields.ts";
import { MIN_REASON_LENGTH } from "../limits.ts";
import type { Frame } from "../visit.ts";
import { CommandLine } from "./bits.tsx";

interface ActProps {
  readonly frame: Pick<Frame, "objection">;
  /** Unique on the page. */
  readonly id: string;
  readonly action: string;
  /** The button, and the title of the dialog. */
  readonly label: string;
  /** What it says on the button that does it. */
  readonly confirm: string;
  readonly isDangerous?: boolean;
  /** Why it makes no sense now, though the person might. */
  readonly impossible?: string | null;
  /** The act beside it is impossible for the same reason, which is shown once. */
  readonly sharesImpossible?: true;
  readonly command?: string;
  readonly reasonHint?: string;
  /** What follows needs the reason: this act only prepares it. */
  readonly withoutReason?: true;
  /** Characters. Default: those of every reason. */
  readonly minReason?: number;
  /** `page`: the answer is a page to show, so the browser sends the form itself. */
  readonly shows?: "page";
  /** What will happen, and further fields. */
  readonly children: ComponentChildren;
}

export function Act(props: ActProps) {
  const {
    frame,
    id,
    action,
    label,
    confirm,
    isDangerous = false,
    impossible = null,
    command,
    children,
  } = props;
  const objection = impossible ?? frame.objection;
  const look = `button quiet${isDangerous ? " danger" : ""}`;
  if (objection !== null)
    return (
      <Barred
        id={id}
        label={label}
        look={look}
        why={objection}
        isOfAll={impossible === null || props.sharesImpossible === true}
      />
    );
  return (
    <>
      <button type="button" class={look} data-opens={id} aria-haspopup="dialog">
        {label}
      </button>
      <dialog id={id} aria-labelledby={`${id}-title`}>
        <form method="post" action={action} {...(props.shows === "page" ? {} : { "data-act": "" })}>
          <h2 id={`${id}-title`}>{label}</h2>
          {children}
          {props.withoutReason === true ? null : (
            <ReasonField
              id={`${id}-reason`}
              hint={props.reasonHint}
              minLength={props.minReason ?? MIN_REASON_LENGTH}
            />
          )}
          {command === undefined ? null : (
            <p class="small">
              On the command line: <CommandLine>{command}</CommandLine>
            </p>
          )}
          <p class="field-error" role="alert" data-error />
          <div class="buttons">
            {/* Otherwise the focus is in the first field, which comes before all that could be copied. */}
            <button class={`button${isDangerous ? " danger" : ""}`} autofocus={props.withoutReason === true}>
              {confirm}
            </button>
            <button type="button" class="button quiet" data-closes>
              Not now
            </button>
          </div>
        </form>
      </dialog>
    </>
  );
}

/**
 * A button that does it at once, also without scripts: for what only holds something back, and must not wait for a person who types.
 */
export function ActAtOnce({ frame, id, action, label }: Pick<ActProps, "frame" | "id" | "action" | "label">) {
  const look = "button quiet";
  if (frame.objection !== null)
    return <Barred id={id} label={label} look={look} why={frame.objection} isOfAll />;
  return (
    <form method="post" action={action} data-act="">
      <button id={id} class={look}>
        {label}
      </button>
      <p class="field-error" role="alert" data-error />
    </form>
  );
}

/** A button that does nothing, and why. */
function Barred({
  id,
  label,
  look,
  why,
  isOfAll,
}: Pick<ActProps, "id" | "label"> & {
  readonly look: string;
  readonly why: string;
  /** What holds for every button is shown beside the first only. */
  readonly isOfAll: boolean;
}) {
  return (
    <>
      <button type="button" class={look} aria-disabled="true" title={why} aria-describedby={`${id}-why`}>
        {label}
      </button>
      <span id={`${id}-why`} class={`why small soft${isOfAll ? " is-of-all" : ""}`}>
        {why}
      </span>
    </>
  );
}

function ReasonField({
  id,
  hint,
  minLength,
}: {
  readonly id: string;
  readonly hint: string | undefined;
  readonly minLength: number;
}) {
  return (
    <div class="field">
      <label for={id}>
        Why? <strong>Required</strong>
        {minLength > MIN_REASON_LENGTH ? `, at least ${minLength} characters` : ""}; it goes into the audit
        trail.
      </label>
      <input
        id={id}
        name="reason"
        required
        minLength={minLength}
        maxLength={Reason.maxLength}
        autocomplete="off"
        placeholder={hint ?? "ticket, or what you saw"}
      />
    </div>
  );
}
