-- Deliveries that brought the agent down: how often since their user last released them.
ALTER TABLE deliveries ADD COLUMN crashes INTEGER NOT NULL DEFAULT 0;
