// The parts of /payments that its stream replaces.
import { Providers } from "./breakers.tsx";
import type { LiveParts } from "./live-parts.tsx";
import { MoneyPart, type MoneyProps } from "./overview-money.tsx";

type Props = MoneyProps & Parameters<typeof Providers>[0];

export const PAYMENT_PARTS: LiveParts<Props> = { "p-money": MoneyPart, "p-providers": Providers };
