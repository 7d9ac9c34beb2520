// The field types that all messages share: ids, money, times, items. All are TypeBox schemas, so types and validators agree.
import { type Static, type TSchema, Type } from "@sinclair/typebox";

/** Maximum lines in one cart. */
export const MAX_CART_LINES = 50;
/** Maximum quantity of one cart line. */
export const MAX_QUANTITY = 999;
/** 99,999,999.99 in a two-decimal currency: the maximum price of one piece or one order. */
export const MAX_CENTS = 9_999_999_999;
/** A sealed payment method (compact JWE) is well below this length. */
export const MAX_SEALED_LENGTH = 4_096;

const UUID = "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$";

export const Uuid = Type.String({ pattern: UUID });
export const SkuId = Type.String({ pattern: "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$" });
export const Quantity = Type.Integer({ minimum: 1, maximum: MAX_QUANTITY });
/** Minor units of the accompanying currency: euro cents, whole yen, thousandths of a dinar. */
export const Cents = Type.Integer({ minimum: 0, maximum: MAX_CENTS });
/** ISO 4217 alphabetic code. internal/kernel/money.ts lists the chargeable ones; it is checked where carts and prices come in. */
export const Currency = Type.String({ pattern: "^[A-Z]{3}$" });
/** RFC 3339 in UTC with milliseconds, like `Date.toISOString`. */
export const Timestamp = Type.String({
  pattern: "^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z$",
});
/** W3C trace context. */
export const Traceparent = Type.String({ pattern: "^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$" });
export const ErrorCodeText = Type.String({ minLength: 1, maxLength: 100 });
export const ErrorMessage = Type.String({ maxLength: 1_000 });

/** The total of a cart, which may be above the maximum of an order: at most all lines with maximum quantity and price. Below 2^53. */
export const CartTotal = Type.Integer({ minimum: 0, maximum: MAX_CART_LINES * MAX_QUANTITY * MAX_CENTS });

export const CartItem = Type.Object({ sku_id: SkuId, quantity: Quantity });
export const PricedItem = Type.Object({ sku_id: SkuId, quantity: Quantity, unit_price_cents: Cents });

/** No control characters and no half of a surrogate pair, because jsonb rejects NUL and halves. */
const PRINTABLE = "^(?:[^\\u0000-\\u001f\\u007f\\ud800-\\udfff]|[\\ud800-\\udbff][\\udc00-\\udfff])*$";

/** One line of printable text. */
const line = (maxLength: number) => Type.String({ minLength: 1, maxLength, pattern: PRINTABLE });
const lineOrNothing = (maxLength: number) => Type.String({ maxLength, pattern: PRINTABLE });

/** The product name of a SKU. */
export const ProductName = line(200);

/** The shop's own grouping of products. */
export const Category = line(100);
/** Text of at most 4,000 characters, which may have line breaks. */
export const ProductDescription = Type.String({
  minLength: 1,
  maxLength: 4_000,
  pattern:
    "^(?:[^\\u0000-\\u0009\\u000b-\\u001f\\u007f\\ud800-\\udfff]|[\\ud800-\\udbff][\\udc00-\\udfff])*$",
});
/** An https URL, or a path on the shop's own site. Only characters of a URL, so that a page can show it as it is. */
export const Picture = Type.String({
  maxLength: 500,
  pattern: "^(?:https://[A-Za-z0-9]|/(?!/))[A-Za-z0-9._~:/?#@!$&*+,;=%-]*$",
});
/** Name of a payment provider, as the payments table has it: stripe, paypal. */
export const ProviderName = Type.String({ pattern: "^[a-z]{1,20}$" });
/** `de`, `pt-BR` */
export const LANGUAGE = "^[a-z]{2,3}(?:-[A-Z]{2})?$";
export const LanguageTag = Type.String({ pattern: LANGUAGE });
const MAX_LANGUAGES = 20;
const byLanguage = <Text extends TSchema>(text: Text) =>
  Type.Record(Type.String({ pattern: LANGUAGE }), text, {
    additionalProperties: false,
    maxProperties: MAX_LANGUAGES,
  });
export const NamesByLanguage = byLanguage(ProductName);
export const CategoriesByLanguage = byLanguage(Category);
export const DescriptionsByLanguage = byLanguage(ProductDescription);

/** The operator and the reason of a manual action, for the audit trail. */
export const Actor = line(100);
export const Reason = line(500);

/** A parcel at its carrier. */
export const Tracking = Type.Object({
  carrier: line(100),
  /** Without spaces, because it is part of a mail's id. */
  number: Type.String({ pattern: "^[A-Za-z0-9][A-Za-z0-9._/-]{0,63}$" }),
  /** The carrier's page about the parcel. */
  url: Type.Optional(Type.String({ maxLength: 500, pattern: "^https://[!#-;=?-~]+$" })),
});
export type Tracking = Static<typeof Tracking>;

/**
 * The card that was charged, for the receipt: its brand as the provider names it, and its last four digits. Nothing else of a card may be
 * in messages or tables.
 */
export const ChargedCard = Type.Object({
  brand: Type.String({ pattern: "^[a-z0-9_]{1,30}$" }),
  last4: Type.String({ pattern: "^[0-9]{4}$" }),
});
export type ChargedCard = Static<typeof ChargedCard>;

const CITY_LENGTH = 100;
export const POSTAL_CODE_LENGTH = 20;

/** The address parts of all countries; each country uses some. Only lengths are limited, because every country has its own rules. */
const addressParts = {
  name: line(200),
  company: Type.Optional(line(200)),
  /** Street and number, or a PO box. */
  line1: line(200),
  line2: Type.Optional(line(200)),
  line3: Type.Optional(line(200)),
  /** Neighbourhood, suburb, townland: the part between street and city. */
  district: Type.Optional(line(100)),
  /** State, province, prefecture, county, emirate. */
  region: Type.Optional(line(100)),
  /** CEDEX and the like. */
  sorting_code: Type.Optional(line(20)),
  /** ISO 3166-1 alpha-2. */
  country: Type.String({ pattern: "^[A-Z]{2}$" }),
  /** For the delivery, as people write it. */
  phone: Type.Optional(line(40)),
};

/** The address in a shopper's request. The gateway checks which parts the country needs. */
export const ShippingAddressInput = Type.Object(
  {
    ...addressParts,
    city: Type.Optional(lineOrNothing(CITY_LENGTH)),
    postal_code: Type.Optional(lineOrNothing(POSTAL_CODE_LENGTH)),
  },
  { additionalProperties: false },
);

/** The address in messages and tables. City and postal code are always present; they are empty if the country has none. */
export const ShippingAddress = Type.Object({
  ...addressParts,
  city: lineOrNothing(CITY_LENGTH),
  postal_code: lineOrNothing(POSTAL_CODE_LENGTH),
});

/** The replacement for a shopper's erased personal data. */
export const ERASED = { email: "erased@erased.invalid", line: "(erased)" } as const;
/** The JSON of an erased address; erasing adds the kept country. */
export const ERASED_ADDRESS = JSON.stringify({
  name: ERASED.line,
  line1: ERASED.line,
  city: "",
  postal_code: "",
});

export const EMAIL_LENGTH = 254;
export const Email = Type.String({
  maxLength: EMAIL_LENGTH,
  pattern: "^[^@\\s\\u0000-\\u001f\\u007f\\ud800-\\udfff]+@[^@\\s\\u0000-\\u001f\\u007f\\ud800-\\udfff]+$",
});
