-- Several payment providers: each has its own ledger, which is compared by itself. The version before this one knows one provider
-- only, and the defaults are its name. `only_row` stays until that version is gone; it no longer keeps the table to one row.
alter table reconciliation add column provider text not null default 'stripe' check (provider <> '');
alter table reconciliation drop constraint reconciliation_pkey;
alter table reconciliation add primary key (provider);

alter table payment_alerts add column provider text not null default 'stripe' check (provider <> '');
