import { linkedAbort } from '../../../lib/linked-abort.ts'
import type { Position } from '../positions/positions-file.ts'
import type { LogLine } from './line-joiner.ts'
import type { OpenLine } from './log-reader.ts'
import { type ContainersLog, openLog } from './log-request.ts'

/** An answer that is silent for longer has broken off. */
const SILENCE_MS = 30_000
/** More lines of one time are not counted. */
const MOST_AT_ONE_TIME = 10_000
/** More of what is behind a damage is not looked for. */
const MOST_BEHIND_DAMAGE = 2 ** 20
const TRIES = 4

/** What the engine has at the end of a log. */
interface Tail {
  /** As many as were asked for, unless there are fewer, or what is before cannot be read. */
  readonly records: number
  readonly oldestNs: bigint | undefined
  /** The last line, in the log's order. */
  readonly newest: OpenLine | undefined
  /** Whether the engine says that it cannot go on. */
  readonly isBroken: boolean
  /** Lines of the time that was asked for, by stream. */
  readonly atTime: Readonly<Record<LogLine['stream'], number>>
  /** The last line has no end. */
  readonly isOpen: boolean
}

/** What has been read of a log. */
export interface ReadOfLog {
  readonly position: Position | undefined
  /** Lines that were read, and have no end yet. */
  readonly open: readonly OpenLine[]
  /** Lines of before that time are not read. */
  readonly fromNs: bigint | undefined
}

export type EndOfLog = 'reached' | 'missing' | 'older' | 'unknown'

/** The last line of a log that has any, in the log's order. */
export async function newestLine(log: ContainersLog, signal: AbortSignal): Promise<OpenLine | undefined> {
  return (await readTail(log, 1, signal)).newest
}

/**
 * Whether a log has been read to its end, by its last lines: `reached` where these are exactly those that were read last, `missing` where there are
 * later ones, `older` where the last is one of an earlier time that was not read, since the clock was set back, `unknown` where nothing of that can be said.
 */
export async function endOfLog(log: ContainersLog, { position, open, fromNs = -1n }: ReadOfLog, signal: AbortSignal): Promise<EndOfLog> {
  const times = [position?.stdout, position?.stderr, ...open].flatMap((line) => (line === undefined ? [] : [line.timeNs]))
  let lastNs = fromNs
  for (const timeNs of times) if (timeNs > lastNs) lastNs = timeNs
  const expected = (stream: LogLine['stream']) => {
    const cursor = position?.[stream]
    const opened = open.filter((line) => line.stream === stream && line.timeNs === lastNs).length
    return (cursor?.timeNs === lastNs ? cursor.count : 0) + opened
  }
  const [stdout, stderr] = [expected('stdout'), expected('stderr')]
  // One more, to see that it is of an earlier time.
  const tail = await readTail(log, Math.min(stdout + stderr, MOST_AT_ONE_TIME) + 1, signal, lastNs)
  const { newest, atTime } = tail
  if (newest === undefined) return 'unknown'
  const isCutShort =
    !tail.isOpen && !log.engine.isPodman && open.some((line) => line.stream === newest.stream && line.timeNs === newest.timeNs)
  if (newest.timeNs > lastNs || isCutShort) return 'missing'
  // Of Podman's parts of a line each has a time of its own.
  const readTo = newestRead(newest.stream, { position, open })
  if (newest.timeNs < lastNs && newest.timeNs !== readTo && newest.timeNs >= fromNs && !log.engine.isPodman) return 'older'
  return atTime.stdout === stdout && atTime.stderr === stderr && !tail.isBroken && tail.isOpen === open.length > 0 ? 'reached' : 'unknown'
}

/** The time of what was read last of a stream, in the log's order. */
function newestRead(stream: LogLine['stream'], { position, open }: Pick<ReadOfLog, 'position' | 'open'>): bigint | undefined {
  return (open.find((line) => line.stream === stream) ?? position?.[stream])?.timeNs
}

/** What of a log can be read behind a damage. */
export interface BehindDamage {
  /** So many of its last records. */
  readonly records: number
  /** Of the first of them. */
  readonly oldestNs: bigint
}

/**
 * Looks for a place in a log that the engine cannot read past, in what is later than `readToNs`: what is behind it can be read from the end. Undefined where there is none.
 * An engine says nothing of it: it stops there, or leaves out lines behind it, so that there are fewer records than it was asked for, though there are more before.
 */
export async function behindDamage(log: ContainersLog, readToNs: bigint, signal: AbortSignal): Promise<BehindDamage | undefined> {
  let readable = 0
  let oldestNs: bigint | undefined
  let unreadable = 1
  for (; unreadable <= MOST_BEHIND_DAMAGE; unreadable *= 2) {
    const tail = await readTail(log, unreadable, signal)
    if (tail.records < unreadable) {
      if (await isAll(log, tail, unreadable, signal)) return undefined
      break
    }
    readable = tail.records
    oldestNs = tail.oldestNs
    if (oldestNs !== undefined && oldestNs <= readToNs) return undefined
  }
  while (unreadable - readable > 1) {
    const middle = Math.floor((readable + unreadable) / 2)
    const tail = await readTail(log, middle, signal)
    if (tail.records < middle) unreadable = middle
    else {
      readable = middle
      oldestNs = tail.oldestNs
    }
  }
  return { records: readable, oldestNs: oldestNs ?? 0n }
}

/** Whether so few records came because the log has no more: then as many can be asked for, and begin with the same. */
async function isAll(log: ContainersLog, tail: Tail, asked: number, signal: AbortSignal): Promise<boolean> {
  let all = tail
  // What is written between two questions looks like something missing.
  for (let tries = 0; tries < TRIES && !all.isBroken && all.records < asked; tries++) {
    if (all.records === 0) return true
    const same = await readTail(log, all.records, signal)
    if (same.records === all.records && same.oldestNs === all.oldestNs) return true
    all = await readTail(log, asked, signal)
  }
  return false
}

async function readTail(log: ContainersLog, records: number, signal: AbortSignal, timeNs?: bigint): Promise<Tail> {
  const link = linkedAbort(signal)
  const timer = setTimeout(() => link.abort(new Error(`the engine says nothing for ${SILENCE_MS / 1000} s`)), SILENCE_MS).unref()
  const atTime = { stdout: 0, stderr: 0 }
  let oldestNs: bigint | undefined
  let newest: OpenLine | undefined
  let isBroken = false
  try {
    const { reader, chunks } = await openLog(log, { follow: false, tail: records }, link.signal)
    const take = ({ stream, timeNs: lineNs }: OpenLine) => {
      oldestNs ??= lineNs
      newest = { stream, timeNs: lineNs }
      if (lineNs === timeNs) atTime[stream]++
    }
    for await (const chunk of chunks) {
      timer.refresh()
      for (const line of reader.push(chunk)) {
        if ('problem' in line) isBroken = true
        else take(line)
      }
    }
    const open = reader.end()
    open.forEach(take)
    return { records: reader.records, oldestNs, newest, isBroken, atTime, isOpen: open.length > 0 }
  } finally {
    clearTimeout(timer)
    link.unlink()
  }
}
