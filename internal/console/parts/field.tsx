// The fields of a filter: their ids begin with f-.
import { MAX_FIELD_LENGTH } from "../limits.ts";

interface FieldProps {
  readonly name: string;
  readonly label: string;
  readonly value: string;
  readonly isShort?: boolean;
  readonly placeholder?: string | undefined;
  /** In characters. Default: MAX_FIELD_LENGTH. */
  readonly maxLength?: number;
  /** The element that says what is wrong with the value. */
  readonly faultId?: string | undefined;
}

export function Field({
  name,
  label,
  value,
  isShort = false,
  placeholder,
  maxLength = MAX_FIELD_LENGTH,
  faultId,
}: FieldProps) {
  return (
    <div class={isShort ? "field is-short" : "field"}>
      <label for={`f-${name}`}>{label}</label>
      <input
        id={`f-${name}`}
        name={name}
        value={value}
        maxLength={maxLength}
        autocomplete="off"
        spellcheck={false}
        placeholder={placeholder}
        {...(faultId === undefined ? {} : { "aria-invalid": "true", "aria-describedby": faultId })}
      />
    </div>
  );
}

interface ChoiceProps {
  readonly name: string;
  readonly label: string;
  readonly options: readonly string[];
  /** One of the options; anything else is "any". */
  readonly value: string | null;
  /** Default: the option itself. */
  readonly textOf?: (option: string) => string;
}

export function Choice({ name, label, options, value, textOf = (option) => option }: ChoiceProps) {
  return (
    <div class="field">
      <label for={`f-${name}`}>{label}</label>
      <select id={`f-${name}`} name={name}>
        <option value="">any</option>
        {options.map((option) => (
          <option key={option} value={option} selected={option === value}>
            {textOf(option)}
          </option>
        ))}
      </select>
    </div>
  );
}
