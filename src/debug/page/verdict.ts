import type { StatsSnapshot } from '../stats.ts'
import { clock, count, duration, plural, rate } from './format.ts'
import type { History } from './history.ts'

/** From best to worst; `unknown` before the first answer. */
export type Level = 'unknown' | 'well' | 'attention' | 'trouble' | 'gone'

/** What an operator has to know first. */
export interface Verdict {
  readonly level: Level
  readonly headline: string
  /** A sentence under it. */
  readonly summary: string
  /** Why it is not well: the causes, each on its own. */
  readonly reasons: readonly string[]
}

export interface Circumstances {
  readonly history: History
  readonly nowMs: number
  /** Why the latest request brought no figures; undefined where it did. */
  readonly problem: string | undefined
  readonly nextTryMs: number
}

const SILENT_MS = 3000
/** Fewer than that is a moment between two polls, more is silence: with several instances behind one address answers take turns. */
const SILENT_OTHERS_MS = 30_000
const RECENT_SECONDS = 60

export function verdict(circumstances: Circumstances): Verdict {
  const { history, nowMs, problem } = circumstances
  const stats = history.latest
  if (stats === undefined) return noAnswerYet(circumstances)
  const silentMs = nowMs - history.latestMs
  if (silentMs > (problem === undefined ? SILENT_OTHERS_MS : SILENT_MS)) return gone(circumstances, silentMs)
  const { state, not_ready, ledger } = stats
  if (ledger.residue !== 0) {
    const reason = `${plural(Math.abs(ledger.residue), 'message')} ${ledger.residue > 0 ? 'met no fate' : 'met more than one fate'}: a bug, please report it with /stats.`
    return { level: 'trouble', headline: 'The ledger does not add up', summary: flow(stats, history), reasons: [reason, ...not_ready] }
  }
  if (state === 'starting') {
    const reasons = not_ready.filter((reason) => reason !== 'starting')
    return {
      level: 'attention',
      headline: 'Starting',
      summary: 'It reads once all that it needs have answered.',
      reasons,
    }
  }
  if (state === 'draining') {
    const summary = 'It reads no more, writes and commits what it has read, and ends.'
    return { level: 'attention', headline: 'Draining', summary, reasons: not_ready.filter((reason) => !reason.startsWith('draining')) }
  }
  if (not_ready.length > 0) {
    const summary = `It cannot read or write now. ${canReadAgain(stats) ? 'Nothing is lost: what is not stored is not committed.' : 'What comes over an input that cannot read again may be lost meanwhile.'}`
    return { level: 'trouble', headline: 'Waiting', summary, reasons: not_ready }
  }
  const concerns = [...concernsOf(stats, history), ...restart(history, nowMs)]
  if (concerns.length > 0)
    return { level: 'attention', headline: 'Works, with something to look at', summary: flow(stats, history), reasons: concerns }
  return { level: 'well', headline: 'All is well', summary: flow(stats, history), reasons: [] }
}

function noAnswerYet({ problem, nowMs, nextTryMs }: Circumstances): Verdict {
  if (problem === undefined) return { level: 'unknown', headline: 'Looking …', summary: 'Waiting for the first figures.', reasons: [] }
  return { level: 'gone', headline: 'No answer', summary: nextTry(nowMs, nextTryMs), reasons: [problem] }
}

function gone({ history, nowMs, problem, nextTryMs }: Circumstances, silentMs: number): Verdict {
  return {
    level: 'gone',
    headline: 'No answer',
    summary: `For ${duration(Math.round(silentMs / 1000))}: what is shown below was true at ${clock(history.latestMs)}. ${nextTry(nowMs, nextTryMs)}`,
    reasons: [problem ?? 'Other instances answer, this one does not.'],
  }
}

function nextTry(nowMs: number, nextTryMs: number): string {
  const seconds = Math.ceil((nextTryMs - nowMs) / 1000)
  return seconds > 0 ? `Next try in ${seconds} s.` : 'Trying again …'
}

function flow(stats: StatsSnapshot, history: History): string {
  const { kafka } = stats
  // Only of partitions it is known.
  const behind = kafka.lag > 0 ? `; ${plural(kafka.lag, 'message')} behind` : kafka.partitions.length > 0 ? '; nothing is behind' : ''
  return `${pace(stats, history)}${behind}.`
}

function pace({ app, runtime }: StatsSnapshot, history: History): string {
  const read = history.perSecond('consumed')
  if (read === undefined) return 'It has just been asked for the first time'
  if (read > 0) return `Reads ${rate(read)} a second, stores ${rate(history.perSecond('written') ?? 0)}`
  if (app.consume === 0) return 'No message has come yet'
  const quiet = (Date.parse(runtime.time) - Date.parse(app.last_consume_time)) / 1000
  return `No message for ${duration(Math.round(quiet))}`
}

function canReadAgain({ inputs }: StatsSnapshot): boolean {
  return Object.values(inputs).every(({ acknowledged }) => acknowledged)
}

/** What needs no hurry, but somebody's eye. */
function concernsOf({ kafka, metadata, outputs, inputs }: StatsSnapshot, history: History): string[] {
  const concerns = Object.values(inputs).flatMap((input) => input.concerns)
  if (metadata.held > 0) {
    const apps = metadata.held_apps.join(', ')
    concerns.push(`${plural(metadata.held, 'message waits', 'messages wait')} for Cloud Controller's answer about the apps ${apps}`)
  }
  if (history.isLagGrowing())
    concerns.push(`The lag grows: ${count(kafka.lag)} by now. More comes than is read; more instances share the partitions.`)
  const failedLookUps = history.growth('metadataFailures', RECENT_SECONDS)
  if (failedLookUps > 0) concerns.push(recent(plural(failedLookUps, 'request'), 'to Cloud Controller failed', metadata.last_error))
  for (const [name, { last_error }] of Object.entries(outputs)) {
    const failed = history.failedWrites(name, RECENT_SECONDS)
    if (failed > 0) concerns.push(recent(plural(failed, 'write'), `to ${name} failed`, last_error))
  }
  const deadLetters = history.growth('deadLetters', RECENT_SECONDS)
  if (deadLetters > 0) concerns.push(recent(plural(deadLetters, 'message'), 'could not be decoded or were refused: dead letters', null))
  const dropped = history.growth('dropped', RECENT_SECONDS)
  if (dropped > 0)
    concerns.push(
      `${plural(dropped, 'message was', 'messages were')} dropped within the last minute: more comes than outputs take, and nobody sends it again.`,
    )
  if (kafka.skipped > 0)
    concerns.push(
      `Kafka had deleted ${plural(kafka.skipped, 'message')} before they could be read: they are lost. Its retention is too short, or this worker was away too long.`,
    )
  return concerns
}

const recent = (what: string, happened: string, error: string | null) =>
  `${what} ${happened} within the last minute${error === null ? '' : `: ${error}`}`

function restart({ restartedMs }: History, nowMs: number): string[] {
  const seconds = restartedMs === undefined ? Number.POSITIVE_INFINITY : Math.round((nowMs - restartedMs) / 1000)
  return seconds < RECENT_SECONDS ? [`Restarted ${duration(seconds)} ago; all counts are since then.`] : []
}
