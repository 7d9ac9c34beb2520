// Stripe's errors, word for word where clients are known to read the words. Codes and statuses follow
// https://docs.stripe.com/api/errors and https://docs.stripe.com/error-codes.
import type { ProviderError } from "../../schemas/provider-ledger.ts";

/** Statuses in which a payment intent can still be cancelled; the simulator uses the first four. */
const CANCELABLE =
  "requires_payment_method, requires_confirmation, requires_action, requires_capture, processing";

export const API_ERROR: ProviderError = {
  status: 500,
  type: "api_error",
  message: "An unknown error occurred. (Injected by the payment simulator.)",
};

export const UNAVAILABLE: ProviderError = {
  status: 503,
  type: "api_error",
  message: "The service is unavailable. (Injected by the payment simulator.)",
};

export function rateLimited(callsPerSecond: number): ProviderError {
  return {
    status: 429,
    type: "invalid_request_error",
    code: "rate_limit",
    message: `Too many requests: the payment simulator takes ${callsPerSecond} a second. Slow down.`,
  };
}

export function invalidRequest(message: string, param?: string, code?: string): ProviderError {
  return {
    status: 400,
    type: "invalid_request_error",
    message,
    ...(code === undefined ? {} : { code }),
    ...(param === undefined ? {} : { param }),
  };
}

export function parameterUnknown(name: string): ProviderError {
  return invalidRequest(`Received unknown parameter: ${name}`, name, "parameter_unknown");
}

export function missing(param: string): ProviderError {
  return invalidRequest(`Missing required param: ${param}.`, param, "parameter_missing");
}

/** 404 if the id is in the path, 400 if it is a parameter, as at Stripe. */
export function noSuch(object: string, id: string, param: string, status: 400 | 404): ProviderError {
  return { ...invalidRequest(`No such ${object}: '${id}'`, param, "resource_missing"), status };
}

export function unauthorized(given: string | null): ProviderError {
  const message =
    given === null
      ? "You did not provide an API key. You need to provide your API key in the Authorization header, using Bearer auth."
      : "Invalid API Key provided. The payment simulator takes any test key (sk_test_...) and never a live one.";
  return { status: 401, type: "invalid_request_error", message };
}

export function cardDeclined(code: string, declineCode: string, message: string): ProviderError {
  return { status: 402, type: "card_error", code, decline_code: declineCode, message };
}

export function keyInUse(key: string): ProviderError {
  return {
    status: 409,
    type: "idempotency_error",
    code: "idempotency_key_in_use",
    message: `There is currently another in-progress request using this Idempotent Key (that probably means you submitted twice, and the other request is still going through): ${key}. Please try again later.`,
  };
}

export function keyReused(key: string): ProviderError {
  return {
    status: 400,
    type: "idempotency_error",
    message: `Keys for idempotent requests can only be used with the same parameters they were first used with. Try using a key other than '${key}' if you meant to execute a different request.`,
  };
}

export function notCancelable(status: string): ProviderError {
  return invalidRequest(
    `You cannot cancel this PaymentIntent because it has a status of ${status}. Only a PaymentIntent with one of the following statuses may be canceled: ${CANCELABLE}.`,
    undefined,
    "payment_intent_unexpected_state",
  );
}

export function notCapturable(status: string): ProviderError {
  return invalidRequest(
    `This PaymentIntent could not be captured because it has a status of ${status}. Only a PaymentIntent with one of the following statuses may be captured: requires_capture.`,
    undefined,
    "payment_intent_unexpected_state",
  );
}

export function notConfirmable(status: string): ProviderError {
  return invalidRequest(
    `This PaymentIntent could not be confirmed because it has a status of ${status}.`,
    undefined,
    "payment_intent_unexpected_state",
  );
}

export function nothingToRefund(intentId: string): ProviderError {
  return invalidRequest(
    `This PaymentIntent (${intentId}) does not have a successful charge to refund.`,
    "payment_intent",
  );
}

export function chargeDisputed(chargeId: string): ProviderError {
  return invalidRequest(
    `Charge ${chargeId} has been charged back; cannot issue a refund.`,
    undefined,
    "charge_disputed",
  );
}

export function alreadyRefunded(chargeId: string): ProviderError {
  return invalidRequest(
    `Charge ${chargeId} has already been refunded.`,
    undefined,
    "charge_already_refunded",
  );
}

/** Both amounts as people write them. */
export function refundTooLarge(wanted: string, left: string): ProviderError {
  return invalidRequest(
    `Refund amount (${wanted}) is greater than unrefunded amount on charge (${left})`,
    "amount",
  );
}
