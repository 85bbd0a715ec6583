-- +goose Up

-- For who looks at the imports of everybody.
CREATE INDEX imports_created ON imports (created_at, id);
