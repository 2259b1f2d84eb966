/** Kafka's record batch, version 2 of the format: where its fields are. Numbers are big-endian. Source: Kafka's documentation, "Record Batch". */
export const LENGTH_AT = 8
export const LEADER_EPOCH_AT = 12
export const MAGIC_AT = 16
export const CRC_AT = 17
export const ATTRIBUTES_AT = 21
export const LAST_OFFSET_DELTA_AT = 23
export const BASE_TIMESTAMP_AT = 27
export const MAX_TIMESTAMP_AT = 35
export const PRODUCER_ID_AT = 43
export const PRODUCER_EPOCH_AT = 51
export const BASE_SEQUENCE_AT = 53
export const COUNT_AT = 57
export const RECORDS_AT = 61
/** What the length does not count: base offset and length. */
export const LENGTH_FROM = 12

export const MAGIC = 2
