import type { InfluxQl } from '../influxql.ts'
import type { Kind } from '../load/mix.ts'
import type { Counts } from './destinations.ts'

const measurements = { http_request: 'count', log: 'count', instance: 'cpu' } as const

export interface Stored {
  readonly measurement: keyof typeof measurements
  readonly sent: number
  readonly stored: number
}

/** What InfluxDB holds of what was sent. */
export const storedOf = (influxDb: InfluxQl, database: string, sent: Readonly<Record<Kind, number>>): Promise<Stored[]> =>
  Promise.all(
    Object.entries(measurements).map(async ([name, field]) => {
      const measurement = name as keyof typeof measurements
      return { measurement, sent: sent[measurement], stored: await influxDb.count(database, measurement, field) }
    }),
  )

export interface BusyApp {
  readonly app: string
  readonly space: string
  readonly org: string
  readonly requests: number
}

/** The apps with the most requests, busiest first. */
export async function busiestApps(influxDb: InfluxQl, database: string, count: number): Promise<BusyApp[]> {
  const inner = 'SELECT sum("count") AS requests FROM "http_request" GROUP BY app, space, org'
  const rows = await influxDb.query(`SELECT top("requests", "app", "space", "org", ${count}) FROM (${inner})`, database)
  return rows.map((row) => ({
    app: String(row['app']),
    space: String(row['space']),
    org: String(row['org']),
    requests: Number(row['top']),
  }))
}

const digits = (value: number) => value.toLocaleString('en')

const line = (...cells: readonly (string | number)[]) =>
  cells.map((cell, i) => (typeof cell === 'number' ? digits(cell).padStart(12) : String(cell).padEnd(i === 0 ? 24 : 12))).join('')

/** What was sent of each measurement that is counted there, beside what is. */
export function rowsOf(stored: Counts, sent: Readonly<Record<Kind, number>>): Stored[] {
  return Object.entries(stored).map(([name, count]) => {
    const measurement = name as keyof typeof measurements
    return { measurement, sent: sent[measurement], stored: count }
  })
}

export function reportText(stored: readonly Stored[]): string {
  return [
    `${'measurement'.padEnd(24)}${['sent', 'stored', 'missing'].map((title) => title.padStart(12)).join('')}`,
    ...stored.map((row) => line(row.measurement, row.sent, row.stored, row.sent - row.stored)),
  ].join('\n')
}

export function busiestText(apps: readonly BusyApp[]): string {
  return [
    `${'busiest apps'.padEnd(24)}${'requests'.padStart(12)}  space, org`,
    ...apps.map((app) => `${line(app.app, app.requests)}  ${app.space}, ${app.org}`),
  ].join('\n')
}
