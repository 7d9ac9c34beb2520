// Offers the checkouts of this shopper that have not finished, wherever they were started: another tab, another device.
import type { CheckoutStatus } from "../port.ts";
import { stageOf } from "../status.ts";
import type { Frame } from "../visit.ts";
import { Notice } from "./layout.tsx";
import { When } from "./when.tsx";

interface Props {
  readonly frame: Frame;
  readonly open: readonly CheckoutStatus[];
}

export function OpenCheckouts({ frame, open }: Props) {
  const { words, language } = frame;
  if (open.length === 0) return null;
  return (
    <Notice title={words.open.title}>
      <ul class="plain-list">
        {open.map((checkout) => (
          <li key={checkout.saga_id}>
            <When at={checkout.created_at} language={language} show="both" />
            {": "}
            {words.status.stages[stageOf(checkout)].title}.{" "}
            <a href={`/checkout/${checkout.saga_id}`}>{words.open.look}</a>
          </li>
        ))}
      </ul>
    </Notice>
  );
}
