import { pino } from 'pino'
import { InfluxDb, type InfluxDbOptions } from '../../src/outputs/influxdb/influxdb.ts'

/** The output for a server at `url`: impatient, so that tests are quick. */
export const influxDbFor = (url: string, options: Partial<InfluxDbOptions>): InfluxDb =>
  new InfluxDb({
    url,
    database: 'cf',
    timeoutMs: 2000,
    pingTimeoutMs: 200,
    startTimeoutMs: 500,
    skipSslValidation: false,
    gzip: false,
    maxWrites: 2,
    flushRetries: 3,
    backoff: { initialMs: 1, maxMs: 4, jitter: 0.2 },
    log: pino({ enabled: false }),
    ...options,
  })
