-- The category in other languages, by language tag: {"de": "Tee"}. `category` stays the shop's own word and identifies the category.
alter table products add column categories jsonb check (jsonb_typeof(categories) = 'object');
