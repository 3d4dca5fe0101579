-- Version 10: records that could not be applied and for which there was no room in `rejected`, counted by partition.
CREATE TABLE rejected_beyond (
  topic TEXT NOT NULL, partition INTEGER NOT NULL, records INTEGER NOT NULL,
  first_offset INTEGER NOT NULL, last_offset INTEGER NOT NULL,
  PRIMARY KEY (topic, partition)
) WITHOUT ROWID;

-- And the last record that was applied of each partition, as offset and digest. By it a topic is told from another one
-- that has its name.
ALTER TABLE positions ADD COLUMN last TEXT;
