// The named test cards of the payment simulator, in the order of the page; the first is chosen. Their names are in words/. Pure.

export const TEST_CARDS = [
  "pm_card_visa",
  "pm_card_mastercard",
  "pm_card_threeDSecure2Required",
  "pm_card_chargeDeclinedInsufficientFunds",
  "pm_card_chargeDeclined",
  "pm_card_chargeDeclinedExpiredCard",
  "pm_card_chargeDeclinedIncorrectCvc",
  "pm_card_chargeDeclinedProcessingError",
  "pm_sim_timeout_then_success",
] as const;
