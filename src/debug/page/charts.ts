import uPlot from 'uplot'
import { byId, make, setText } from './dom.ts'
import { clock, duration, percent, rate, shortCount, UNKNOWN } from './format.ts'
import type { History, Moment } from './history.ts'

interface Series {
  readonly name: string
  /** A colour of the style sheet; a figure without one has no line. */
  readonly color?: 'one' | 'two' | 'three'
  readonly value: (history: History, moment: Moment, index: number) => number | undefined
  readonly format: (value: number) => string
}

interface ChartPlan {
  readonly title: string
  readonly note: string
  /** Without this section of the page there is nothing to tell. */
  readonly of?: string
  readonly series: readonly Series[]
}

const gauge = (key: Exclude<keyof Moment, 'failedWrites'>) => (_: History, moment: Moment) => moment[key]
const perSecond =
  (counter: Parameters<History['perSecond']>[0]): Series['value'] =>
  (history, _, index) =>
    history.perSecond(counter, index)

const plans: readonly ChartPlan[] = [
  {
    title: 'Flow',
    note: 'a second, over 5 s',
    series: [
      { name: 'messages read', color: 'one', value: perSecond('consumed'), format: rate },
      { name: 'messages written', color: 'two', value: perSecond('written'), format: rate },
    ],
  },
  {
    title: 'Lag',
    note: 'messages not committed yet',
    of: 'kafka-section',
    series: [{ name: 'all partitions', color: 'one', value: gauge('lag'), format: shortCount }],
  },
  {
    title: 'In flight',
    note: 'messages read and not settled',
    series: [
      { name: 'in flight', color: 'one', value: gauge('inFlight'), format: shortCount },
      { name: 'held back for metadata', color: 'three', value: gauge('held'), format: shortCount },
    ],
  },
  {
    title: 'Time of a write',
    note: 'slowest output, of 5 minutes',
    series: [
      { name: 'median', color: 'two', value: gauge('p50'), format: duration },
      { name: '99 of 100', color: 'one', value: gauge('p99'), format: duration },
      { name: 'records a second', value: perSecond('records'), format: rate },
    ],
  },
  {
    title: 'Cloud Controller',
    note: 'a second, over 5 s',
    of: 'metadata-section',
    series: [
      { name: 'cache misses', color: 'two', value: perSecond('misses'), format: rate },
      { name: 'failed requests', color: 'three', value: perSecond('metadataFailures'), format: rate },
      { name: 'cache hits', value: hitShare, format: percent },
    ],
  },
  {
    title: 'Process',
    note: 'share of time',
    series: [
      { name: 'event loop busy', color: 'one', value: gauge('eventLoop'), format: percent },
      { name: 'CPU, of one', color: 'two', value: perSecond('cpuSeconds'), format: percent },
    ],
  },
]

function hitShare(history: History, _: Moment, index: number): number | undefined {
  const hits = history.perSecond('hits', index)
  const misses = history.perSecond('misses', index)
  return hits === undefined || misses === undefined || hits + misses === 0 ? undefined : hits / (hits + misses)
}

const HEIGHT = 116
const MIN_SPAN_SECONDS = 60
const cursors = uPlot.sync('time')

/** The charts of one instance, made again when colours change. */
export class Charts {
  readonly #parent: Element
  #charts: Chart[] = []

  constructor(parent: Element) {
    this.#parent = parent
    const build = () => {
      for (const chart of this.#charts) chart.destroy()
      this.#parent.replaceChildren()
      this.#charts = plans.map((plan) => new Chart(this.#parent, plan))
    }
    build()
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', build)
  }

  show(history: History): void {
    for (const chart of this.#charts) chart.show(history)
  }
}

class Chart {
  readonly #plan: ChartPlan
  readonly #figure = make('figure')
  readonly #note = make('small')
  readonly #values: readonly HTMLElement[]
  readonly #lines: readonly Series[]
  readonly #plot: uPlot
  readonly #resize: ResizeObserver
  #columns: (number | null)[][] = []

  constructor(parent: Element, plan: ChartPlan) {
    this.#plan = plan
    this.#lines = plan.series.filter(({ color }) => color !== undefined)
    const caption = make('figcaption')
    const title = make('h3')
    setText(title, plan.title)
    const keys = make('dl', 'keys')
    this.#values = plan.series.map(({ name, color }) => {
      const [key, term, value] = [make('div'), make('dt', color === undefined ? 'plain' : ''), make('dd')]
      setText(term, name)
      setText(value, UNKNOWN)
      if (color !== undefined) term.style.setProperty('--color', `var(--${color})`)
      key.append(term, value)
      keys.append(key)
      return value
    })
    caption.append(title, this.#note, keys)
    const canvas = make('div')
    canvas.setAttribute('aria-hidden', 'true')
    this.#figure.append(caption, canvas)
    parent.append(this.#figure)
    this.#plot = new uPlot(this.#options(), [[], ...this.#lines.map(() => [])], canvas)
    this.#resize = new ResizeObserver(() => this.#plot.setSize({ width: canvas.clientWidth, height: HEIGHT }))
    this.#resize.observe(canvas)
  }

  show(history: History): void {
    const { series, of } = this.#plan
    this.#figure.hidden = of !== undefined && !byId(of).checkVisibility()
    const [times, ...columns] = history.columns(
      series.map(
        ({ value }) =>
          (moment, index) =>
            value(history, moment, index),
      ),
    )
    this.#columns = columns
    const drawn = columns.filter((_, i) => series[i]?.color !== undefined)
    this.#plot.setData([times, ...drawn], false)
    const end = times.at(-1) ?? 0
    this.#plot.batch(() => {
      this.#plot.setScale('x', { min: Math.min(times[0] ?? 0, end - MIN_SPAN_SECONDS), max: end })
      this.#plot.setScale('y', { min: 0, max: niceMax(drawn) })
    })
    this.#showKeys()
  }

  destroy(): void {
    this.#resize.disconnect()
    this.#plot.destroy()
  }

  /** The latest values, or those under the pointer. */
  #showKeys(): void {
    const index = this.#plot.cursor.idx ?? undefined
    const time = index === undefined ? undefined : this.#plot.data[0][index]
    setText(this.#note, time === undefined ? this.#plan.note : clock(time * 1000))
    this.#plan.series.forEach(({ format }, i) => {
      const value = this.#columns[i]?.at(index ?? -1)
      setText(this.#values[i] as HTMLElement, value === null || value === undefined ? UNKNOWN : format(value))
    })
  }

  #options(): uPlot.Options {
    const style = getComputedStyle(document.documentElement)
    const color = (name: string) => style.getPropertyValue(`--${name}`).trim()
    const format = this.#lines[0]?.format ?? String
    const axis = { stroke: color('soft'), font: '11px system-ui, sans-serif', ticks: { show: false } }
    return {
      width: 300,
      height: HEIGHT,
      padding: [6, PADDING_RIGHT, 0, 0],
      legend: { show: false },
      cursor: { sync: { key: cursors.key }, drag: { x: false, y: false }, y: false, points: { size: 5 } },
      scales: { x: { time: true }, y: { auto: false } },
      series: [
        {},
        ...this.#lines.map(({ color: name = 'one' }, i) => ({
          stroke: color(name),
          width: 1.5,
          points: { show: false },
          ...(i === 0 && { fill: color('bar') }),
        })),
      ],
      axes: [
        { ...axis, size: 22, gap: 4, space: 70, grid: { show: false }, values: timeLabels },
        { ...axis, size: 52, gap: 4, space: 28, grid: { stroke: color('line'), width: 1 }, values: (_, ticks) => ticks.map(format) },
      ],
      hooks: { setCursor: [() => this.#showKeys()] },
    }
  }
}

const HALF_LABEL = 26
const PADDING_RIGHT = 8

/** None where the edge would cut it. */
const timeLabels = (plot: uPlot, times: readonly number[]) =>
  times.map((time) => (plot.over.clientWidth + PADDING_RIGHT - plot.valToPos(time, 'x') < HALF_LABEL ? '' : timeLabel(time)))

const timeLabel = (seconds: number) => clock(seconds * 1000).slice(0, seconds % 60 === 0 ? 5 : 8)

/** A little above the highest, and never nothing: a flat 0 is to lie on the floor. */
function niceMax(columns: readonly (number | null)[][]): number {
  const highest = columns.reduce((max, column) => column.reduce<number>((most, value) => Math.max(most, value ?? 0), max), 0)
  return highest === 0 ? 1 : highest * 1.08
}
