import { variableSource } from './board.ts'
import * as panels from './panels.ts'

export const source = variableSource('influxdb')

/** Of the apps chosen at the top, in the time that is looked at. */
const chosen = '"org" =~ /^$org$/ AND "space" =~ /^$space$/ AND "app" =~ /^$app$/ AND $timeFilter'
const also = (where?: string) => (where === undefined ? chosen : `${where} AND ${chosen}`)

interface Select {
  readonly select: string
  readonly from: 'http_request' | 'log' | 'instance' | 'container_event'
  readonly where?: string
}

/** A value for each step of time and each of the tags; 0 where `fill` says so, else a gap, where there was nothing. */
export function series({
  select,
  from,
  where,
  by = [],
  name,
  fill = 'null',
}: Select & { by?: readonly string[]; name: string; fill?: '0' | 'null' }) {
  const groups = ['time($__interval)', ...by.map((tag) => `"${tag}"`)].join(', ')
  const query = `SELECT ${select} FROM "$rp"."${from}" WHERE ${also(where)} GROUP BY ${groups} fill(${fill})`
  return { query, rawQuery: true, resultFormat: 'time_series', alias: name }
}

/**
 * How quickly counters of containers grow, a second: of each container, added up for each of the tags. A counter that begins anew, with its
 * container, leaves one step out.
 */
export function growth({ field, by, name }: { readonly field: string; readonly by: readonly string[]; readonly name: string }) {
  const each = `SELECT non_negative_derivative(last("${field}"), 1s) AS "rate" FROM "$rp"."instance" WHERE ${chosen} GROUP BY time($__interval), "org", "space", "app", "instance", "host"`
  const groups = ['time($__interval)', ...by.map((tag) => `"${tag}"`)].join(', ')
  return {
    query: `SELECT sum("rate") FROM (${each}) WHERE $timeFilter GROUP BY ${groups} fill(null)`,
    rawQuery: true,
    resultFormat: 'time_series',
    alias: name,
  }
}

/** One row for each app, of the whole time. */
export function rowPerApp({ select, from, where }: Select) {
  const query = `SELECT ${select} FROM "$rp"."${from}" WHERE ${also(where)} GROUP BY "org", "space", "app"`
  return { query, rawQuery: true, resultFormat: 'table' }
}

/** The instances with the highest values of a field. */
export function top(field: string, name: string) {
  const query = `SELECT top("${field}", "org", "space", "app", "instance", 20) AS "${name}" FROM "$rp"."instance" WHERE ${chosen}`
  return { query, rawQuery: true, resultFormat: 'table' }
}

export const perSecond = (field: string) => `sum("${field}") * 1000 / $__interval_ms`
export const requests = { select: perSecond('count'), from: 'http_request', fill: '0' } as const
export const lines = { select: perSecond('count'), from: 'log', fill: '0' } as const
export const byChoice = { by: ['$by'], name: '$tag_$by' } as const
export const byInstance = { by: ['space', 'app', 'instance'], name: '$tag_space/$tag_app/$tag_instance' } as const
export const durationAt = (percent: number) => ({ select: `percentile("duration", ${percent})`, from: 'http_request' }) as const
export const sizeAt = (percent: number) => ({ select: `percentile("response_size", ${percent})`, from: 'http_request' }) as const

export const stat = (options: Omit<panels.StatOptions, 'source'>) => panels.stat({ source, ...options })
export const timeSeries = (options: Omit<panels.TimeSeriesOptions, 'source'>) => panels.timeSeries({ source, ...options })
export const table = (options: Omit<panels.TableOptions, 'source'>) => panels.table({ source, ...options })
