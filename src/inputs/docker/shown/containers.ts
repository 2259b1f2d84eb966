import type { ListedRow, Listing } from '../../../flow/shown.ts'
import type { Container } from '../inventory/container.ts'
import type { LogProgress, LogState } from '../logs/log-progress.ts'
import type { UsageProgress } from '../usage/sampler.ts'
import { type DockerParts, isoTime } from './figures.ts'

type Shown = Pick<DockerParts, 'inventory' | 'followers' | 'sampler' | 'gaps'>

/** Where the input is asked for its containers: what of each streams, what does not, and why. */
export function containersListing(parts: Shown): Listing {
  return {
    name: 'containers',
    title: 'Containers',
    note: 'What of each is read, and why what is not read is not. Counts are since the start of the worker.',
    columns: [
      { title: 'Container', key: 'name', note: 'image' },
      { title: 'app', key: 'app', as: 'text', note: 'place', isWide: true },
      { title: 'state', key: 'state', as: 'word' },
      { title: 'log', key: 'logs', as: 'word', note: 'logs_reason' },
      { title: 'lines', key: 'lines' },
      { title: 'bytes', key: 'bytes', as: 'bytes', isWide: true },
      { title: 'last line', key: 'last_line_time', as: 'ago', isWide: true },
      { title: 'usage', key: 'usage', as: 'word', note: 'usage_reason', isWide: true },
      { title: 'gaps', key: 'gaps', as: 'word', isWide: true },
    ],
    empty: 'The engine has no container, or has not said yet which it has.',
    rows: () => rowsOf(parts),
  }
}

/** Logs in words, those first that somebody should look at. */
const WORDS: Readonly<Record<LogState | 'off' | 'unknown', string>> = {
  retrying: 'failed, is tried again',
  unreadable: 'cannot be read',
  waiting: 'waits for room',
  unknown: 'not known yet',
  queued: 'waits for its turn',
  opening: 'is being opened',
  following: 'followed',
  removed: 'the engine has it no more',
  ended: 'read to its end',
  idle: 'nothing to read yet',
  off: 'not read',
}
const ORDER = Object.keys(WORDS)

function rowsOf({ inventory, followers, sampler, gaps }: Shown): readonly ListedRow[] {
  const { progress } = followers
  // Of one that is gone lines may still be read.
  const all = new Set([...inventory.containers.values(), ...progress.keys()])
  const rows = [...all].map((container) => rowOf(container, progress.get(container), sampler.progressOf(container), gaps))
  return rows
    .toSorted(
      (a, b) =>
        ORDER.indexOf(a.log_state) - ORDER.indexOf(b.log_state) ||
        Number(b.gaps !== null) - Number(a.gaps !== null) ||
        Number(b.state === 'running') - Number(a.state === 'running') ||
        (a.name < b.name ? -1 : 1),
    )
    .map(({ log_state: _, ...row }) => row)
}

function rowOf(container: Container, log: LogProgress | undefined, usage: UsageProgress | undefined, gaps: DockerParts['gaps']) {
  const { description, label, shortId, isRunning, isGone, run } = container
  const { owner, selected } = description ?? {}
  const logState = log?.state ?? (selected?.logs === false ? 'off' : 'unknown')
  const causes = gaps.causesOf(label)
  return {
    log_state: logState,
    container: shortId,
    name: label,
    image: description?.image ?? null,
    app: owner?.app ?? owner?.appGuid ?? null,
    org: owner?.org ?? null,
    space: owner?.space ?? null,
    instance: owner?.instance ?? null,
    place: [owner?.org, owner?.space].filter((name) => name !== undefined).join(' / ') || null,
    state: isGone ? 'removed' : isRunning ? 'running' : run === 0 ? 'not started' : 'ended',
    logs: WORDS[logState],
    logs_reason: log?.reason ?? selected?.reasons.logs ?? container.problem ?? null,
    log_driver: description?.logDriver || null,
    lines: log?.lines ?? null,
    bytes: log?.bytes ?? null,
    last_line_time: log?.lastLineNs === undefined ? null : new Date(Number(log.lastLineNs / 1_000_000n)).toISOString(),
    ...usageOf(container, usage),
    events: selected === undefined || selected.events,
    events_reason: selected?.reasons.events ?? null,
    gaps: causes.length === 0 ? null : causes.join(', '),
  }
}

function usageOf({ description, isRunning }: Container, usage: UsageProgress | undefined) {
  const last_usage_time = isoTime(usage?.lastMs ?? 0)
  const as = (word: string, reason: string | undefined) => ({ usage: word, usage_reason: reason ?? null, last_usage_time })
  if (description === undefined) return as('not known yet', undefined)
  if (!description.selected.stats) return as('not read', description.selected.reasons.stats)
  if (!isRunning) return as('not running', undefined)
  if (usage?.problem !== undefined) return as('failed, is tried again', usage.problem)
  return as(usage?.lastMs === undefined ? 'not read yet' : 'read', undefined)
}
