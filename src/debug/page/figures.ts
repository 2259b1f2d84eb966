import type { StatsSnapshot } from '../stats.ts'
import { byId, eachChild, make, setText } from './dom.ts'
import { count, duration, percent, rate, UNKNOWN } from './format.ts'
import { formed } from './forms.ts'
import type { Counter, History } from './history.ts'
import { MAX_ROWS, nameOf, partitionRows } from './partition-rows.ts'

/** All that is no chart: the figures of one instance's latest answer. */
export function showFigures(stats: StatsSnapshot, history: History): void {
  setText(byId('version'), stats.version)
  for (const element of document.querySelectorAll<HTMLElement>('[data-figure]')) {
    const { figure = '', as } = element.dataset
    const value = valueAt(stats, figure)
    setText(element, formed(value, as, stats.runtime.time))
    if (element.dataset['bad'] !== undefined) element.classList.toggle('is-bad', value !== 0)
    element.classList.toggle('is-nothing', value === null || value === undefined || value === 0)
  }
  const { metadata, influxdb } = stats
  const cpu = history.perSecond('cpuSeconds')
  setText(byId('cpu'), cpu === undefined ? UNKNOWN : percent(cpu))
  setText(byId('points-a-batch'), influxdb.batches === 0 ? UNKNOWN : count(influxdb.points / influxdb.batches))
  const lookUps = metadata.hits + metadata.misses
  setText(byId('hit-share'), lookUps === 0 ? UNKNOWN : percent(metadata.hits / lookUps))
  showLedger(stats, history)
  showMetadata(stats)
  showOutputs(stats)
  showPartitions(stats)
}

function valueAt(stats: StatsSnapshot, path: string): unknown {
  return path.split('.').reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], stats)
}

type LedgerRow = keyof StatsSnapshot['ledger']

function showLedger({ ledger }: StatsSnapshot, history: History): void {
  for (const row of document.querySelectorAll<HTMLElement>('tr[data-fate]')) {
    const fate = row.dataset['fate'] as LedgerRow
    const messages = ledger[fate]
    const perSecond = fate === 'in_flight' || fate === 'residue' ? undefined : history.perSecond(fate satisfies Counter)
    const share = ledger.consumed === 0 || fate === 'residue' ? undefined : messages / ledger.consumed
    const cells = [perSecond === undefined ? '' : rate(perSecond), count(messages), share === undefined ? '' : percent(share)]
    while (row.children.length <= cells.length) row.append(make('td'))
    cells.forEach((text, i) => {
      const cell = row.children[i + 1] as HTMLElement
      setText(cell, text)
      cell.classList.toggle('is-nothing', messages === 0 && fate !== 'residue')
    })
    if (fate === 'residue') {
      row.children[2]?.classList.toggle('is-wrong', messages !== 0)
      row.children[2]?.classList.toggle('is-right', messages === 0)
    }
  }
  const parts = Object.entries(ledger).filter(([fate, messages]) => fate !== 'consumed' && fate !== 'residue' && messages > 0)
  eachChild(
    byId('ledger-bar'),
    parts,
    () => make('i'),
    (part, [fate, messages]) => {
      part.dataset['fate'] = fate
      part.style.flexGrow = String(messages)
    },
  )
}

/** Where nothing is asked of Cloud Controller, there is nothing to tell of it. */
function showMetadata({ metadata, state }: StatsSnapshot): void {
  byId('metadata-section').hidden = state === 'running' && metadata.requests === 0 && metadata.last_refresh_time === null
}

/** Where there is another one than InfluxDB, which has a table of its own. */
function showOutputs({ outputs }: StatsSnapshot): void {
  const rows = Object.entries(outputs)
  byId('outputs-section').hidden = rows.length === 1 && 'influxdb' in outputs
  byId('influxdb-section').hidden = !('influxdb' in outputs)
  eachChild(byId('outputs'), rows, outputRow, (row, [name, { ack, records, in_flight, held, refused, failures, last_error }]) => {
    setText(row.children[0]?.firstChild as Element, name)
    setText(row.children[0]?.lastElementChild as Element, last_error === null ? `acked: ${ack}` : last_error)
    for (const [i, value] of [records, in_flight, held, refused, failures].entries()) {
      const cell = row.children[i + 1] as HTMLElement
      setText(cell, count(value))
      cell.classList.toggle('is-nothing', value === 0)
      cell.classList.toggle('is-bad', i > 1 && value !== 0)
    }
  })
}

function outputRow(): HTMLTableRowElement {
  const row = make('tr')
  const name = make('th')
  name.scope = 'row'
  name.append(make('span'), make('small'))
  row.append(name, ...Array.from({ length: 5 }, () => make('td')))
  return row
}

export function showPartitions({ kafka }: StatsSnapshot): void {
  const input = byId('filter') as HTMLInputElement
  byId('filter-line').hidden = kafka.partitions.length <= MAX_ROWS
  const { shown, matching, maxLag } = partitionRows(kafka.partitions, byId('filter-line').hidden ? '' : input.value)
  setText(
    byId('partition-note'),
    kafka.partitions.length === 0
      ? 'No partition is assigned to this instance.'
      : shown.length < matching.count
        ? `The ${shown.length} most behind of ${count(matching.count)} partitions.`
        : 'Partitions of this instance, in offsets.',
  )
  eachChild(byId('partitions'), shown, partitionRow, (row, partition) => {
    const known = (value: number | null) => (value === null ? UNKNOWN : count(value))
    const { committed, high_watermark, lag, in_flight, oldest_unacked_seconds: oldest } = partition
    const texts = [nameOf(partition), known(committed), known(high_watermark), known(lag), count(in_flight), age(oldest)]
    texts.forEach((text, i) => {
      setText(row.children[i] as Element, text)
    })
    ;(row.children[3] as HTMLElement).style.setProperty('--share', String(maxLag === 0 ? 0 : (lag ?? 0) / maxLag))
  })
  setText(byId('partition-count'), matching.count === 1 ? '1 partition' : `${count(matching.count)} partitions`)
  setText(byId('lag-total'), count(matching.lag))
  setText(byId('in-flight-total'), count(matching.inFlight))
  setText(byId('oldest-total'), age(matching.oldestSeconds))
}

function partitionRow(): HTMLTableRowElement {
  const row = make('tr')
  const name = make('th')
  name.scope = 'row'
  row.append(name, make('td', 'wide'), make('td', 'wide'), make('td', 'lag'), make('td'), make('td'))
  return row
}

/** It may stand on two lines, but a number never without its unit. */
const age = (seconds: number) => (seconds === 0 ? UNKNOWN : duration(seconds).replace(/(?<=\d) /g, '\u00a0'))
