import type { KafkaMessage } from 'kafkajs'
import { DamagedBytes } from './damaged-bytes.ts'
import { RecordBatch } from './record-batch.ts'
import type { Fetched } from './record-set.ts'
import type { UnreadablePortion } from './unreadable-portion.ts'

export type Placed = RecordBatch | KafkaMessage | UnreadablePortion

export interface Asked {
  /** The offset that was asked for. */
  readonly from: number
  readonly highWatermark: number
  /** Where a batch is known to begin: it was asked for by this offset, or came behind another one. */
  readonly certain?: number | undefined
}

export interface PlacedBatches {
  readonly placed: readonly Placed[]
  /** Where they begin, not before what was asked for, and the offset behind them. */
  readonly first: number
  readonly end: number
}

/**
 * What can be believed of an answer. No checksum covers the offset that a batch begins at, but batches ascend, and mostly leave
 * nothing out. One that cannot be where it says it is is as unreadable as one that is damaged; it takes the offsets up to what is
 * behind it. The last ends the answer where something is missing before it, and nothing behind it tells that this is so.
 */
export function placeBatches(fetched: readonly Fetched[], { from, highWatermark, certain }: Asked): PlacedBatches {
  const placed: Placed[] = []
  let first = from
  let next = from
  let isBehindDamage = false
  for (const [index, item] of fetched.entries()) {
    const isFirst = placed.length === 0
    const following = spanOf(fetched[index + 1])?.base
    const span = spanOf(item)
    // An old message may come with others that were compressed together with it.
    if (isFirst && !(item instanceof RecordBatch) && span !== undefined && span.last < from) continue
    const around = { mayBeginEarlier: isFirst, isBehindDamage, following, highWatermark, certain }
    const problem = span === undefined ? (item as DamagedBytes).problem : misplacement(span, next, around)
    if (problem !== undefined) {
      const believed = { ...around, following: believedBase(fetched[index + 1], fetched[index + 2]) }
      const unreadable = unreadableAt(item, problem, next, believed)
      if (unreadable === undefined) continue
      placed.push(unreadable)
      isBehindDamage = true
      next = unreadable.last + 1
      continue
    }
    const { base, last } = span as Span
    if (isFirst) first = Math.max(from, base)
    else if (base > next && index === fetched.length - 1) break
    placed.push(item as RecordBatch | KafkaMessage)
    next = last + 1
  }
  return { placed, first, end: next }
}

interface Span {
  readonly base: number
  readonly last: number
  readonly offsets: number
}

function spanOf(item: Fetched | undefined): Span | undefined {
  if (item === undefined || item instanceof DamagedBytes) return undefined
  if (item instanceof RecordBatch) return { base: item.baseOffset, last: item.lastOffset, offsets: item.offsets }
  const offset = Number(item.offset)
  return { base: offset, last: offset, offsets: 1 }
}

/** Where the next one begins. Undefined where the one behind that denies it: one of the two is not where it says it is. */
function believedBase(item: Fetched | undefined, next: Fetched | undefined): number | undefined {
  const span = spanOf(item)
  return span !== undefined && (spanOf(next)?.base ?? Number.POSITIVE_INFINITY) > span.last ? span.base : undefined
}

interface Surroundings {
  readonly mayBeginEarlier: boolean
  readonly isBehindDamage: boolean
  /** The offset that what comes behind it says it begins at. */
  readonly following: number | undefined
  readonly highWatermark: number
  readonly certain: number | undefined
}

/** Why a batch cannot be where it says it is, where `next` comes next. */
function misplacement({ base, last, offsets }: Span, next: number, around: Surroundings): string | undefined {
  const { mayBeginEarlier, isBehindDamage, following, highWatermark, certain } = around
  const says = `its header says that it has the offsets ${base} to ${last}`
  const fitsIn = base !== certain && (following ?? highWatermark) === next + offsets
  if (last < next || (base < next && (!mayBeginEarlier || fitsIn))) return `${says}, where ${next} comes next`
  // What has just been written may be ahead of the end that Kafka tells, but not with something missing or damaged before it.
  const ends = `${says}, and the partition ends at ${highWatermark}`
  if (base <= next) return isBehindDamage && last >= highWatermark ? ends : undefined
  if (following !== undefined && following >= next && following <= last) return `${says}, and what is behind it begins at ${following}`
  return last >= highWatermark ? ends : undefined
}

/** Undefined where it takes no offset: the next one begins where it should, or the partition ends there. */
function unreadableAt(item: Fetched, problem: string, first: number, around: Surroundings): UnreadablePortion | undefined {
  const { following = Number.POSITIVE_INFINITY, highWatermark } = around
  if (following === first || first >= highWatermark) return undefined
  const isKnown = following > first && following < highWatermark
  const isOld = !(item instanceof DamagedBytes || item instanceof RecordBatch)
  const last = isKnown ? following - 1 : lastOffset(item, first, highWatermark)
  const most = last - first + 1
  if (isOld) return { first, last, count: 1, codec: 'none', stored: item.value ?? Buffer.alloc(0), problem, isDamaged: true }
  const count = item instanceof DamagedBytes ? item.count(most) : Math.min(item.count, most)
  return { first, last, count, codec: item.codec, stored: item.stored, problem, isDamaged: true }
}

function lastOffset(item: Fetched, first: number, end: number): number {
  if (item instanceof DamagedBytes) return item.lastOffset(first, end)
  // All but where it begins is covered by its checksum.
  return item instanceof RecordBatch ? Math.max(first, Math.min(first + item.offsets, end) - 1) : first
}
