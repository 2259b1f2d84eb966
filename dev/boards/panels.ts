import type { DataSource, Panel, Target } from './board.ts'

/** A query without its place in a panel. */
type Query = Readonly<Record<string, unknown>>

interface PanelOptions {
  readonly title: string
  readonly description?: string
  readonly source: DataSource
  /** Grafana's name of it: `reqps`, `bytes`, `s`, `percentunit` (of 1). */
  readonly unit?: string
  readonly queries: readonly Query[]
}

interface Threshold {
  readonly color: string
  /** From here on; null: from the start. */
  readonly value: number | null
}

function panel({ title, description, source, queries }: PanelOptions) {
  const targets = queries.map((query, index): Target => ({ refId: String.fromCharCode(65 + index), datasource: source, ...query }))
  return { title, ...(description !== undefined && { description }), datasource: source, targets, interval: '10s' }
}

export interface TimeSeriesOptions extends PanelOptions {
  /** One above the other, so that the top is the sum. */
  readonly stacked?: boolean
  /** Names of series that are limits: dashed, without a filling. */
  readonly limits?: string
}

/** Values over time; the legend says the latest and the highest. */
export function timeSeries({ unit = 'short', stacked = false, limits, ...options }: TimeSeriesOptions): Panel {
  const dashed = [
    { id: 'custom.lineStyle', value: { fill: 'dash', dash: [10, 10] } },
    { id: 'custom.fillOpacity', value: 0 },
  ]
  return {
    type: 'timeseries',
    ...panel(options),
    fieldConfig: {
      defaults: {
        unit,
        min: 0,
        custom: {
          drawStyle: 'line',
          lineWidth: 1,
          fillOpacity: stacked ? 40 : 10,
          showPoints: 'never',
          spanNulls: false,
          stacking: { mode: stacked ? 'normal' : 'none', group: 'A' },
        },
      },
      overrides: limits === undefined ? [] : [{ matcher: { id: 'byRegexp', options: limits }, properties: dashed }],
    },
    options: {
      legend: {
        showLegend: true,
        displayMode: 'table',
        placement: 'right',
        calcs: ['lastNotNull', 'max'],
        sortBy: 'Last *',
        sortDesc: true,
      },
      tooltip: { mode: 'multi', sort: 'desc' },
    },
  }
}

export interface StatOptions extends PanelOptions {
  /** How a series becomes one figure: `lastNotNull`, `mean`, `max`. */
  readonly calc?: string
  readonly thresholds?: readonly Threshold[]
}

/** One figure; its colour says whether somebody must act. */
export function stat({
  unit = 'short',
  calc = 'lastNotNull',
  thresholds = [{ color: 'blue', value: null }],
  ...options
}: StatOptions): Panel {
  return {
    type: 'stat',
    ...panel(options),
    fieldConfig: { defaults: { unit, color: { mode: 'thresholds' }, thresholds: { mode: 'absolute', steps: thresholds } }, overrides: [] },
    options: {
      reduceOptions: { calcs: [calc], fields: '', values: false },
      colorMode: 'value',
      graphMode: 'area',
      justifyMode: 'auto',
      orientation: 'auto',
      textMode: 'auto',
      wideLayout: true,
      showPercentChange: false,
      percentChangeColorMode: 'standard',
    },
  }
}

/** Green at 0, red above. */
export const badAboveZero: readonly Threshold[] = [
  { color: 'green', value: null },
  { color: 'red', value: 1e-9 },
]

export interface TableOptions extends PanelOptions {
  /** The column that is sorted by, the largest first; {@link PanelOptions.unit} is its unit, a bar shows it. */
  readonly sortBy: string
  /** Columns of other units. */
  readonly units?: Readonly<Record<string, string>>
}

/** Rows of all queries, those of equal tags made one. */
export function table({ unit = 'short', sortBy, units = {}, ...options }: TableOptions): Panel {
  const bar = {
    matcher: { id: 'byName', options: sortBy },
    properties: [{ id: 'custom.cellOptions', value: { type: 'gauge', mode: 'basic' } }],
  }
  const others = Object.entries({ [sortBy]: unit, ...units }).map(([name, value]) => ({
    matcher: { id: 'byName', options: name },
    properties: [{ id: 'unit', value }],
  }))
  return {
    type: 'table',
    ...panel(options),
    transformations: [
      { id: 'merge', options: {} },
      { id: 'organize', options: { excludeByName: { Time: true, time: true }, indexByName: {}, renameByName: {} } },
    ],
    fieldConfig: {
      defaults: { min: 0, custom: { align: 'auto', inspect: false, cellOptions: { type: 'auto' } } },
      overrides: [...others, bar],
    },
    options: { frameIndex: 0, showHeader: true, cellHeight: 'sm', sortBy: [{ displayName: sortBy, desc: true }] },
  }
}
