-- The queue by destination, so that a slow one delays no other; deliveries that wait for their user; warnings once.
ALTER TABLE deliveries ADD COLUMN held INTEGER NOT NULL DEFAULT 0;
ALTER TABLE deliveries ADD COLUMN warned INTEGER NOT NULL DEFAULT 0;
DROP INDEX deliveries_due;
CREATE INDEX deliveries_due ON deliveries (destination, held, next_attempt, id);
