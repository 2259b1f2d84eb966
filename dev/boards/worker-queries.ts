import { variableSource } from './board.ts'
import * as panels from './panels.ts'

export const source = variableSource('prometheus')
/** The workers chosen at the top. */
export const OF = 'job=~"$job",instance=~"$instance"'
export const OF_TOPICS = `${OF},topic=~"$topic"`

export const query = (expr: string, legendFormat = '{{instance}}') => ({ expr, legendFormat, range: true, editorMode: 'code' })
export const value = (metric: string, legend?: string) => query(`${metric}{${OF}}`, legend)
export const perSecond = (metric: string, legend?: string) => query(`rate(${metric}{${OF}}[$__rate_interval])`, legend)
/** Of all instances together. */
export const totalPerSecond = (metric: string, legend: string) => query(`sum(rate(${metric}{${OF}}[$__rate_interval]))`, legend)

export const stat = (options: Omit<panels.StatOptions, 'source'>) => panels.stat({ source, ...options })
export const timeSeries = (options: Omit<panels.TimeSeriesOptions, 'source'>) => panels.timeSeries({ source, ...options })
