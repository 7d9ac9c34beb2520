-- What a product says about itself. In a table of its own, because every reservation updates the rows of `inventory`: they must stay
-- small. Only the catalogue reads and writes this table. A product that says nothing has no row.
create table products (
  sku_id text primary key references inventory,
  category text check (char_length(category) between 1 and 100),
  description text check (char_length(description) between 1 and 4000),
  -- By language tag, e.g. {"de": "Teekanne"}; `inventory.name` and `description` are the texts of the shop's own language.
  names jsonb check (jsonb_typeof(names) = 'object'),
  descriptions jsonb check (jsonb_typeof(descriptions) = 'object'),
  -- an https URL, or a path on the shop's own site
  picture text check (picture ~ '^(https://|/)' and picture !~ '^//' and char_length(picture) <= 500),
  updated_at timestamptz not null default now()
);
