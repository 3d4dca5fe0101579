-- Version 10: the last record that was applied of each partition, as offset and digest. By it a topic is told from another one
-- that has its name.
ALTER TABLE positions ADD COLUMN last text COLLATE "C";
