// A time on a page: UTC from the server, which does not know the shopper's zone; the browser's script changes it to local time.
import { clockTime, day, type Language } from "../format.ts";

interface Props {
  readonly at: string;
  readonly language: Language;
  readonly show: "day" | "time" | "both";
}

export function When({ at, language, show }: Props) {
  const parts = [
    ...(show === "time" ? [] : [day(at, language)]),
    ...(show === "day" ? [] : [clockTime(at, language)]),
  ];
  return (
    <time dateTime={at} data-show={show}>
      {parts.join(", ")}
    </time>
  );
}
