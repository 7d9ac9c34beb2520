-- Older versions kept the provider's sentence about a declined charge, which quotes what it was sent: a mistyped payment method, or a
-- card number that a front end sent in place of one. The code says why; these codes' sentences were ours from the beginning.
update payments set error_message = null
 where error_message is not null and error_code not in ('AMOUNT_NOT_CHARGEABLE', 'NOT_CHARGED', 'PROVIDER_UNAVAILABLE');
