-- In which language the shopper reads, for the mails; null is "not known", as in a checkout that an older version has started. Not indexed.
alter table saga_state add column language text;
