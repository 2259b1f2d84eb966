/** What a board is made of, in the JSON that Grafana imports. The types name only what our boards use. */

export interface Target {
  readonly refId: string
  readonly datasource: DataSource
  readonly [key: string]: unknown
}

export interface DataSource {
  readonly type: 'influxdb' | 'prometheus'
  readonly uid: string
}

export interface Panel {
  readonly type: 'timeseries' | 'stat' | 'table'
  readonly title: string
  readonly description?: string
  readonly datasource: DataSource
  readonly targets: readonly Target[]
  readonly interval: string
  readonly fieldConfig: object
  readonly options: object
  readonly transformations?: readonly object[]
}

export interface Row {
  readonly title: string
  /** Its queries run only when somebody opens it. */
  readonly collapsed?: boolean
  /** From top to bottom; the panels of a line share its width, and the first says how high it is. */
  readonly lines: readonly (readonly [Panel, ...Panel[]])[]
}

export interface Board {
  readonly uid: string
  readonly title: string
  readonly description: string
  /** How far back it looks at first: `now-1h`. */
  readonly from: string
  readonly variables: readonly object[]
  readonly rows: readonly Row[]
}

const COLUMNS = 24
const HEIGHTS = { stat: 4, timeseries: 8, table: 9 } as const satisfies Record<Panel['type'], number>
const TAG = 'cf-metrics-refinery'

/** The variable that {@link variableSource} refers to: whoever imports the board chooses the data source at its top. */
export const dataSourceVariable = (type: DataSource['type']) => ({
  name: 'datasource',
  label: 'Data source',
  type: 'datasource',
  query: type,
})

export const variableSource = (type: DataSource['type']): DataSource => ({ type, uid: `\${datasource}` })

/** The board as Grafana's own export writes it, each panel in its place. */
export function boardJson({ uid, title, description, from, variables, rows }: Board): object {
  return {
    uid,
    title,
    description,
    tags: [TAG],
    schemaVersion: 39,
    version: 1,
    editable: true,
    graphTooltip: 1,
    refresh: '1m',
    time: { from, to: 'now' },
    timezone: '',
    annotations: { list: [] },
    links: [linkToOtherBoards],
    templating: { list: variables },
    panels: placed(rows),
  }
}

const linkToOtherBoards = {
  type: 'dashboards',
  title: 'cf-metrics-refinery',
  tags: [TAG],
  asDropdown: false,
  icon: 'external link',
  includeVars: false,
  keepTime: true,
  targetBlank: false,
  tooltip: '',
  url: '',
}

function placed(rows: readonly Row[]): object[] {
  const panels: object[] = []
  let id = 0
  let y = 0
  for (const { title, collapsed = false, lines } of rows) {
    const row = { id: ++id, type: 'row', title, collapsed, gridPos: { x: 0, y: y++, w: COLUMNS, h: 1 } }
    const inside = lines.flatMap((line) => {
      const width = Math.floor(COLUMNS / line.length)
      const height = HEIGHTS[line[0].type]
      const placedLine = line.map((panel, index) => ({ id: ++id, ...panel, gridPos: { x: index * width, y, w: width, h: height } }))
      y += height
      return placedLine
    })
    panels.push({ ...row, panels: collapsed ? inside : [] }, ...(collapsed ? [] : inside))
  }
  return panels
}
