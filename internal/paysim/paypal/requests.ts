// Reads PayPal's requests. Names that PayPal does not have are refused (MALFORMED_REQUEST_JSON at PayPal), so that a client that works
// here does not fail there. Pure. Called by the server.
import { type Static, type TSchema, Type } from "@sinclair/typebox";
import { type TypeCheck, TypeCompiler } from "@sinclair/typebox/compiler";
import { invalidRequest, type Refusal, unprocessable } from "./errors.ts";
import { badMoney, type Money } from "./money.ts";

export type PayPalRequest =
  | ({
      readonly kind: "order";
      readonly intent: string;
      readonly referenceId: string;
      readonly customId: string | null;
      readonly invoiceId: string | null;
      readonly returnUrl: string;
      readonly cancelUrl: string;
    } & Money)
  | {
      readonly kind: "approval";
      readonly orderId: string;
      readonly answer: "approved" | "declined" | "capture_declined" | "refused";
    }
  | { readonly kind: "intent"; readonly orderId: string; readonly intent: string }
  | { readonly kind: "capture"; readonly orderId: string }
  | { readonly kind: "authorize"; readonly orderId: string }
  | { readonly kind: "capture_authorization"; readonly authorizationId: string }
  | { readonly kind: "void"; readonly authorizationId: string }
  | {
      readonly kind: "refund";
      readonly captureId: string;
      /** Null refunds all that is left. */
      readonly amount: Money | null;
      readonly customId: string | null;
    };

export type Parsed = { readonly request: PayPalRequest } | { readonly refusal: Refusal };

const strict = { additionalProperties: false };
const Text = (maxLength: number) => Type.String({ minLength: 1, maxLength });
const Amount = Type.Object({ currency_code: Type.String(), value: Type.String({ maxLength: 32 }) }, strict);
const Intent = Type.Union([Type.Literal("CAPTURE"), Type.Literal("AUTHORIZE")]);

const OrderBody = TypeCompiler.Compile(
  Type.Object(
    {
      intent: Intent,
      purchase_units: Type.Array(
        Type.Object(
          {
            reference_id: Type.Optional(Text(256)),
            custom_id: Type.Optional(Text(255)),
            invoice_id: Type.Optional(Text(127)),
            amount: Amount,
          },
          strict,
        ),
        { minItems: 1, maxItems: 1 },
      ),
      application_context: Type.Object(
        {
          return_url: Type.String({ pattern: "^https?://" }),
          cancel_url: Type.String({ pattern: "^https?://" }),
          user_action: Type.Optional(Type.Union([Type.Literal("CONTINUE"), Type.Literal("PAY_NOW")])),
          shipping_preference: Type.Optional(Text(24)),
          brand_name: Type.Optional(Text(127)),
        },
        strict,
      ),
    },
    strict,
  ),
);
const PatchBody = TypeCompiler.Compile(
  Type.Array(
    Type.Object({ op: Type.Literal("replace"), path: Type.Literal("/intent"), value: Intent }, strict),
    { minItems: 1, maxItems: 1 },
  ),
);
const EmptyBody = TypeCompiler.Compile(Type.Object({}, strict));
/** An authorization is captured as a whole here. */
const CaptureBody = TypeCompiler.Compile(
  Type.Object({ final_capture: Type.Optional(Type.Literal(true)) }, strict),
);
const RefundBody = TypeCompiler.Compile(
  Type.Object(
    {
      amount: Type.Optional(Amount),
      custom_id: Type.Optional(Text(127)),
      invoice_id: Type.Optional(Text(127)),
      note_to_payer: Type.Optional(Text(255)),
    },
    strict,
  ),
);

export function parseOrder(text: string): Parsed {
  return read(OrderBody, text, ({ intent, purchase_units: [unit], application_context: context }) => {
    if (unit === undefined)
      return { refusal: invalidRequest("MISSING_REQUIRED_PARAMETER", "/purchase_units") };
    const money = { value: unit.amount.value, currency: unit.amount.currency_code };
    const refusal = badMoney(money, "/purchase_units/0/amount");
    if (refusal !== null) return { refusal };
    return {
      request: {
        kind: "order",
        intent,
        ...money,
        referenceId: unit.reference_id ?? "default",
        customId: unit.custom_id ?? null,
        invoiceId: unit.invoice_id ?? null,
        returnUrl: context.return_url,
        cancelUrl: context.cancel_url,
      },
    };
  });
}

export function parsePatch(orderId: string, text: string): Parsed {
  return read(PatchBody, text, ([patch]) =>
    patch === undefined
      ? { refusal: unprocessable("MISSING_REQUIRED_PARAMETER") }
      : { request: { kind: "intent", orderId, intent: patch.value } },
  );
}

export function parseCapture(authorizationId: string, text: string): Parsed {
  return read(CaptureBody, text, () => ({ request: { kind: "capture_authorization", authorizationId } }));
}

/** Requests whose body is empty. */
export function parseEmpty(request: PayPalRequest, text: string): Parsed {
  return read(EmptyBody, text, () => ({ request }));
}

export function parseRefund(captureId: string, text: string): Parsed {
  return read(RefundBody, text, ({ amount, custom_id }) => {
    const money = amount === undefined ? null : { value: amount.value, currency: amount.currency_code };
    const refusal = money === null ? null : badMoney(money, "/amount");
    if (refusal !== null) return { refusal };
    return { request: { kind: "refund", captureId, amount: money, customId: custom_id ?? null } };
  });
}

function read<T extends TSchema>(
  check: TypeCheck<T>,
  text: string,
  made: (body: Static<T>) => Parsed,
): Parsed {
  let body: unknown;
  try {
    body = JSON.parse(text === "" ? "{}" : text);
  } catch {
    return { refusal: invalidRequest("MALFORMED_REQUEST_JSON", "/") };
  }
  if (check.Check(body)) return made(body);
  const fault = check.Errors(body).First();
  return { refusal: invalidRequest("INVALID_PARAMETER_SYNTAX", fault?.path ?? "/") };
}
