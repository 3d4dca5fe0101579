-- Version 6: an entry's id is unique among the entries of its message, or among those of none. Messages are numbered as they
-- come, so that what a batch adds lies together; among all entries it would lie in as many pages as the batch has entries.

DROP INDEX entries_by_id;
DROP INDEX entries_by_message;
CREATE UNIQUE INDEX entries_by_message ON entries (message_uid, entry) WHERE message_uid IS NOT NULL;
CREATE UNIQUE INDEX entries_by_id ON entries (entry) WHERE message_uid IS NULL;
