// The words all messages share: ids, money, times, items. Everything here is TypeBox, so types and validators are one.
import { Type } from "@sinclair/typebox";

/** At most this many different SKUs in one cart. */
export const MAX_CART_LINES = 50;
/** At most this many of one SKU in one cart. */
export const MAX_QUANTITY = 999;
/** 99,999,999.99 in a two-decimal currency: the most one piece or one order may cost. */
export const MAX_CENTS = 9_999_999_999;
/** A sealed payment method (JWE, compact form) stays well below this many characters. */
export const MAX_SEALED_LENGTH = 4_096;

const UUID = "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$";

export const Uuid = Type.String({ pattern: UUID });
export const SkuId = Type.String({ pattern: "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$" });
export const Quantity = Type.Integer({ minimum: 1, maximum: MAX_QUANTITY });
/** Minor units of whatever currency stands beside it: cents of a euro, whole yen, thousandths of a dinar. */
export const Cents = Type.Integer({ minimum: 0, maximum: MAX_CENTS });
/** ISO 4217 alphabetic code. Which of them can be charged is in internal/kernel/money.ts and asked where carts and prices come in. */
export const Currency = Type.String({ pattern: "^[A-Z]{3}$" });
/** RFC 3339, UTC, milliseconds: what `Date.toISOString` prints. */
export const Timestamp = Type.String({
  pattern: "^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z$",
});
/** W3C trace context. */
export const Traceparent = Type.String({ pattern: "^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$" });
export const ErrorCodeText = Type.String({ minLength: 1, maxLength: 100 });
export const ErrorMessage = Type.String({ maxLength: 1_000 });

/** What a cart can come to, be it more than an order may cost: the most lines, pieces and price. Below 2^53. */
export const CartTotal = Type.Integer({ minimum: 0, maximum: MAX_CART_LINES * MAX_QUANTITY * MAX_CENTS });

export const CartItem = Type.Object({ sku_id: SkuId, quantity: Quantity });
export const PricedItem = Type.Object({ sku_id: SkuId, quantity: Quantity, unit_price_cents: Cents });

/** No control characters, and no half of a surrogate pair: what ends up in jsonb, which refuses NUL and halves. */
const PRINTABLE = "^(?:[^\\u0000-\\u001f\\u007f\\ud800-\\udfff]|[\\ud800-\\udbff][\\udc00-\\udfff])*$";

/** One line of printable text. */
const line = (maxLength: number) => Type.String({ minLength: 1, maxLength, pattern: PRINTABLE });
const lineOrNothing = (maxLength: number) => Type.String({ maxLength, pattern: PRINTABLE });

/** What the shop calls a SKU. */
export const ProductName = line(200);

/** Who acts by hand, and why: what an operator's tool sends along and the audit trail keeps. */
export const Actor = line(100);
export const Reason = line(500);

const CITY_LENGTH = 100;
const POSTAL_CODE_LENGTH = 20;

/** What every country's addresses are made of, of which each uses some. Only lengths are limited: no country's rules fit another. */
const addressParts = {
  name: line(200),
  company: Type.Optional(line(200)),
  /** Street and number, or a PO box. */
  line1: line(200),
  line2: Type.Optional(line(200)),
  line3: Type.Optional(line(200)),
  /** Neighbourhood, suburb, townland: what stands between street and city. */
  district: Type.Optional(line(100)),
  /** State, province, prefecture, county, emirate. */
  region: Type.Optional(line(100)),
  /** CEDEX and the like. */
  sorting_code: Type.Optional(line(20)),
  /** ISO 3166-1 alpha-2. */
  country: Type.String({ pattern: "^[A-Z]{2}$" }),
  /** For the pump, as people write it. */
  phone: Type.Optional(line(40)),
};

/** As a shopper sends it. Which parts a country's addresses need is asked at the gateway. */
export const ShippingAddressInput = Type.Object(
  {
    ...addressParts,
    city: Type.Optional(lineOrNothing(CITY_LENGTH)),
    postal_code: Type.Optional(lineOrNothing(POSTAL_CODE_LENGTH)),
  },
  { additionalProperties: false },
);

/** As it is sent on and kept: city and postal code were always there, and are empty where a country has none. */
export const ShippingAddress = Type.Object({
  ...addressParts,
  city: lineOrNothing(CITY_LENGTH),
  postal_code: lineOrNothing(POSTAL_CODE_LENGTH),
});

/** What stands where a shopper's personal data was erased. */
export const ERASED = { email: "erased@erased.invalid", line: "(erased)" } as const;
/** The JSON of an address of which only the country is to be kept, for the ledger: it is put in. */
export const ERASED_ADDRESS = JSON.stringify({
  name: ERASED.line,
  line1: ERASED.line,
  city: "",
  postal_code: "",
});

export const Email = Type.String({
  maxLength: 254,
  pattern: "^[^@\\s\\u0000-\\u001f\\u007f\\ud800-\\udfff]+@[^@\\s\\u0000-\\u001f\\u007f\\ud800-\\udfff]+$",
});
