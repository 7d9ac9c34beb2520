-- Several payment providers: each has its own ledger, which is compared by itself. The version before this one writes for the only
-- provider there was, so the defaults hold while both run.
alter table reconciliation drop constraint reconciliation_pkey;
alter table reconciliation drop column only_row;
alter table reconciliation add column provider text not null default 'stripe' check (provider <> '');
alter table reconciliation add primary key (provider);

alter table payment_alerts add column provider text not null default 'stripe' check (provider <> '');
