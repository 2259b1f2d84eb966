import type { Common, ValuesOf } from '../../config/ends.ts'
import { boolean, duration, integer, oneOf, secret, text } from '../../config/kinds.ts'
import { baseUrl } from '../../config/url-kinds.ts'

export const variables = {
  CFMR_INFLUXDB_ADDR: baseUrl(
    'http://influxdb.example.com:8086',
    'CFMR_INFLUXDB_USERNAME and CFMR_INFLUXDB_PASSWORD, or CFMR_INFLUXDB_TOKEN',
  )({
    desc: 'InfluxDB, or what speaks its protocol.',
    otherwise: 'required',
  }),
  CFMR_INFLUXDB_DATABASE: text({ desc: 'Database (POST /write: InfluxDB 1.x).', otherwise: 'this or the bucket' }),
  CFMR_INFLUXDB_RETENTIONPOLICY: text({ desc: 'Retention policy of the database.', otherwise: "the database's default" }),
  CFMR_INFLUXDB_USERNAME: text({ desc: 'User for the database.' }),
  CFMR_INFLUXDB_PASSWORD: secret({ desc: 'Password of that user.', isSecret: true }),
  CFMR_INFLUXDB_ORG: text({ desc: 'Organization of the bucket.' }),
  CFMR_INFLUXDB_BUCKET: text({
    desc: 'Bucket (POST /api/v2/write: InfluxDB 2.x, 3.x, Cloud, VictoriaMetrics).',
    otherwise: 'this or the database',
  }),
  CFMR_INFLUXDB_TOKEN: secret({ desc: 'Token for the bucket.', isSecret: true }),
  CFMR_INFLUXDB_TIMEOUT: duration()({ desc: 'Time for one request.', default: '1m' }),
  CFMR_INFLUXDB_INFLUXPINGTIMEOUT: duration()({ desc: 'Time for one ping.', default: '5s' }),
  CFMR_INFLUXDB_STARTTIMEOUT: duration('0s')({ desc: 'How long the start waits for InfluxDB.', default: '30s' }),
  CFMR_INFLUXDB_SKIPSSLVALIDATION: boolean({ desc: 'Accept any certificate from InfluxDB.', default: 'false' }),
  CFMR_INFLUXDB_GZIP: boolean({
    desc: 'Compress what is written: a fifth of the bytes for about half as much CPU again.',
    default: 'false',
  }),
  CFMR_INFLUXDB_MAXWRITES: integer(1, 100)({ desc: 'Batches being written at once.', default: '2' }),
  CFMR_INFLUXDB_BACKSLASH: oneOf(
    'auto',
    'literal',
    'escape',
  )({
    desc: 'How a name is written that has a backslash before a comma, a space or an equals sign: as it is (InfluxDB 1.x, 2.x), or doubled (3.x, VictoriaMetrics); auto asks the server.',
    default: 'auto',
  }),
  CFMR_INFLUXDB_UNIQUETIMESTAMPS: boolean({
    desc: 'Replace the last three digits of each timestamp by a checksum of its message, so that different events of one series in one nanosecond do not overwrite each other.',
    default: 'false',
  }),
}

export type InfluxDbSettings = ReturnType<typeof settingsOf>

/** Undefined means not set. */
export function settingsOf(v: ValuesOf<typeof variables>, { trusted, batcher }: Common) {
  return {
    addr: v.CFMR_INFLUXDB_ADDR ?? '',
    database: v.CFMR_INFLUXDB_DATABASE,
    retentionPolicy: v.CFMR_INFLUXDB_RETENTIONPOLICY,
    username: v.CFMR_INFLUXDB_USERNAME,
    password: v.CFMR_INFLUXDB_PASSWORD,
    org: v.CFMR_INFLUXDB_ORG,
    bucket: v.CFMR_INFLUXDB_BUCKET,
    token: v.CFMR_INFLUXDB_TOKEN,
    timeoutMs: v.CFMR_INFLUXDB_TIMEOUT,
    pingTimeoutMs: v.CFMR_INFLUXDB_INFLUXPINGTIMEOUT,
    startTimeoutMs: v.CFMR_INFLUXDB_STARTTIMEOUT,
    skipSslValidation: v.CFMR_INFLUXDB_SKIPSSLVALIDATION,
    trusted,
    gzip: v.CFMR_INFLUXDB_GZIP,
    maxWrites: v.CFMR_INFLUXDB_MAXWRITES,
    backslash: v.CFMR_INFLUXDB_BACKSLASH,
    uniqueTimestamps: v.CFMR_INFLUXDB_UNIQUETIMESTAMPS,
    flushRetries: batcher.flushRetries,
  }
}
