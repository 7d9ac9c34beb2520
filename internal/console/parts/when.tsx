// A time on a page. The server writes UTC; the browser's script changes it to local time unless the person chose UTC, and keeps "3 min ago"
// true while the page is open. The exact time in UTC is in the title.
import { timestampOf } from "../../kernel/timestamp.ts";
import { agoText, durationText } from "./words.ts";

interface Props {
  /** Epoch ms. */
  readonly at: number;
  /**
   * `ago`: how long ago; `for`: for how long by now; `clock`: 12:04:05.123; `minute`: 12:04; `second`: 12:04:05; `since`: date and minute, in browsers without the date if
   * that is today's; `both`: date and time.
   */
  readonly show: "ago" | "for" | "clock" | "minute" | "second" | "since" | "both";
  readonly now?: number;
}

export function When({ at, show, now = at }: Props) {
  const text = timestampOf(at);
  return (
    <time dateTime={text} data-show={show} title={text.replace("T", " ").replace("Z", " UTC")}>
      {show === "ago" ? agoText(at, now) : show === "for" ? durationText(now - at) : clockText(text, show)}
    </time>
  );
}

function clockText(text: string, show: Exclude<Props["show"], "ago" | "for">): string {
  switch (show) {
    case "clock":
      return text.slice(11, 23);
    case "second":
      return text.slice(11, 19);
    case "minute":
      return text.slice(11, 16);
    case "since":
      return text.slice(0, 16).replace("T", " ");
    case "both":
      return text.slice(0, 19).replace("T", " ");
    default:
      return show satisfies never;
  }
}
