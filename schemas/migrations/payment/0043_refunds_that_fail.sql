-- Refunds that fail at the provider, some after they had succeeded. `provider_refund_id` of a PENDING refund is the one that the provider
-- has taken on. The version before this one neither reads nor writes these columns.
alter table refunds add column failed_ids text[] not null default '{}';
-- the saga has heard that the refund succeeded
alter table refunds add column reported boolean not null default false;

-- Three more kinds of alerts, and alerts that come from the result of a request.
alter table payment_alerts drop constraint payment_alerts_kind_check;
alter table payment_alerts add constraint payment_alerts_kind_check
  check (kind in ('charge_without_payment', 'payment_without_charge', 'charged_twice', 'saga_differs', 'amount_differs',
                  'status_differs', 'refund_differs', 'refund_failed', 'refund_elsewhere', 'dispute'));
alter table payment_alerts drop constraint payment_alerts_opened_by_check;
alter table payment_alerts add constraint payment_alerts_opened_by_check
  check (opened_by in ('webhook', 'reconciliation', 'request'));
-- what is known of one checkout
create index payment_alerts_saga on payment_alerts (saga_id);
