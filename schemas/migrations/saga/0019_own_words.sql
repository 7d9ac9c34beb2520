-- The provider's sentences, as in the payment service's tables: whatever was not refused in words of our own.
update saga_state set failure_message = 'refused by the payment provider'
 where failure_code not in ('ADDRESS_NOT_SERVED', 'AMOUNT_NOT_CHARGEABLE', 'CURRENCY_MISMATCH', 'CommandRefused', 'DEADLINE_EXCEEDED',
                            'INSUFFICIENT_STOCK', 'NOT_CHARGED', 'OPERATOR_CANCELLED', 'PRICE_CHANGED', 'PROVIDER_UNAVAILABLE',
                            'RESERVATION_EXPIRED', 'RESERVATION_LOST', 'TOTAL_MISMATCH', 'TOTAL_TOO_LARGE', 'UNKNOWN_SKU');
