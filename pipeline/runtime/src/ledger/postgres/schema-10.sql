-- Version 10: records that could not be applied and for which there was no room in `rejected`, counted by partition.
CREATE TABLE rejected_beyond (
  topic text COLLATE "C" NOT NULL, partition bigint NOT NULL, records bigint NOT NULL,
  first_offset bigint NOT NULL, last_offset bigint NOT NULL, PRIMARY KEY (topic, partition)
);

-- And the last record that was applied of each partition, as offset and digest. By it a topic is told from another one
-- that has its name.
ALTER TABLE positions ADD COLUMN last text COLLATE "C";
