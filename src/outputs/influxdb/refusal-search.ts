import type { Records, RefusedRecord } from '../../flow/contracts.ts'
import { selectRecords } from '../../flow/select-records.ts'
import type { Refusal } from './answer.ts'
import { lineText } from './named-lines.ts'
import { isOfSeries, kinOf, suspects } from './suspects.ts'

/**
 * Finds the lines of a batch that a server refuses and has all others stored, whatever its answers tell: they are hints.
 * Knows nothing of the network: whoever drives it writes `next` and reports what came of it, until `next` is undefined.
 * What was not reported, `next` gives again, so a retry goes on where it was.
 *
 * Each answer takes lines out, or splits a part in two or three of at most half its size, or is the last word on a part.
 * So a batch of n lines takes at most 2n − 1 writes, and one with k bad lines among them of the order of k·log n.
 */
export class RefusalSearch {
  readonly #batch: Records
  /** Parts of which it is not known yet, as line numbers; the last is the next. */
  #pending: Uint32Array[]
  #next: Records | undefined
  #refused: RefusedRecord[] = []
  /** The server has shown that it judges points: stored one, named one, or refuses them for different reasons. */
  #isSure = false
  /** What all refusals had in common so far, and what they had when the search was doubtful before. */
  #words: string | undefined
  #doubtedWords: string | undefined
  #restarts = 0
  /** The lines of the same app as a line, found once. */
  #kin: ((line: number) => readonly number[]) | undefined

  constructor(batch: Records) {
    this.#batch = batch
    this.#pending = batch.count === 0 ? [] : [everyLine(batch.count)]
  }

  /** To be written next; undefined at the end, which is a doubtful one if `isDoubtful`. */
  get next(): Records | undefined {
    const numbers = this.#pending.at(-1)
    if (numbers === undefined || this.isDoubtful) return undefined
    this.#next ??= selectRecords(this.#batch, numbers)
    return this.#next
  }

  /**
   * Every line was refused, alone, in one and the same words that do not say a point is at fault. Then the server or the
   * request is, and `refused` means nothing.
   */
  get isDoubtful(): boolean {
    if (this.#isSure || this.#words === undefined) return false
    return this.#pending.length === 0 || this.#words === this.#doubtedWords
  }

  /** In the order of the lines, once `next` is undefined. */
  get refused(): readonly RefusedRecord[] {
    return this.#refused.toSorted((a, b) => a.record - b.record)
  }

  onStored(): void {
    this.#take()
    this.#isSure = true
  }

  onTooLarge(reason: string): void {
    const part = this.#take()
    if (part.length === 1) this.#refuse(part, reason)
    else this.#pending.push(...halves(part))
  }

  onRefused(refusal: Refusal): void {
    const sent = this.next as Records
    const part = this.#take()
    if (refusal.isAboutPoints) this.#isSure = true
    if (refusal.named.length > 0) this.#takeOut(part, refusal.named)
    else if (refusal.isTotal) {
      this.#refuse(part, refusal.reason)
      this.#gather(part, refusal.hint)
    } else if (part.length > 1) this.#pending.push(...split(part, suspects(refusal.hint, sent)))
    else {
      if (!this.#isSure) this.#compare(refusal.reason, lineText(sent, 0))
      this.#refuse(part, refusal.reason)
      this.#gather(part, refusal.hint)
    }
  }

  /**
   * Begins anew after a doubtful end. `stands`: the server has stored other points since, so what it refuses now is refused.
   * Otherwise a single line is tried first, a different one each time, and the rest only if the answer is a new one.
   */
  restart({ stands }: { readonly stands: boolean }): void {
    const all = everyLine(this.#batch.count)
    const probe = (this.#restarts++ * 7919) % all.length
    this.#refused = []
    this.#isSure = stands
    this.#doubtedWords = this.#words
    this.#words = undefined
    this.#pending = stands
      ? [all]
      : [all.filter((line) => line !== probe), all.subarray(probe, probe + 1)].filter(({ length }) => length > 0)
  }

  #take(): Uint32Array {
    this.#next = undefined
    return this.#pending.pop() as Uint32Array
  }

  #refuse(part: Uint32Array, reason: string): void {
    for (const record of part) this.#refused.push({ record, reason })
  }

  #takeOut(part: Uint32Array, named: readonly RefusedRecord[]): void {
    const out = new Set<number>()
    for (const { record, reason } of named) {
      out.add(record)
      this.#refused.push({ record: part[record] as number, reason })
    }
    const rest = part.filter((_, line) => !out.has(line))
    if (rest.length > 0) this.#pending.push(rest)
  }

  /** What is akin to a line just refused is written next, together: most likely it is refused as a whole. */
  #gather(refused: Uint32Array, hint: string): void {
    if (this.#pending.length === 0 || !isOfSeries(hint)) return
    this.#kin ??= kinOf(this.#batch)
    const wanted = new Set<number>()
    for (const line of refused) for (const akin of this.#kin(line)) wanted.add(akin)
    for (const line of refused) wanted.delete(line)
    const gathered: number[] = []
    const others: Uint32Array[] = []
    for (const part of this.#pending) {
      const rest = part.filter((line) => !wanted.has(line))
      // A part that is nothing else stays: whoever puts parts together again has split them in vain.
      others.push(rest.length === 0 ? part : rest)
      if (rest.length > 0 && rest.length < part.length) for (const line of part) if (wanted.has(line)) gathered.push(line)
    }
    if (gathered.length > 0) this.#pending = [...others, Uint32Array.from(gathered)]
  }

  #compare(reason: string, line: string): void {
    const words = wordsOf(reason)
    if (reason.includes(line) || (this.#words !== undefined && this.#words !== words)) this.#isSure = true
    this.#words = words
  }
}

/** A text without what differs from answer to answer anyway, such as times and ids of requests. */
const wordsOf = (text: string): string => text.replace(/\b[\da-f]{8,}\b|\d+/gi, '#')

function everyLine(count: number): Uint32Array {
  const lines = new Uint32Array(count)
  for (let line = 0; line < count; line++) lines[line] = line
  return lines
}

/** Suspects apart from the others, if there are both, and nothing larger than a half. The first comes last. */
function split(part: Uint32Array, isSuspect: ((line: number) => boolean) | undefined): Uint32Array[] {
  if (isSuspect === undefined) return halves(part)
  const suspected = part.filter((_, line) => isSuspect(line))
  if (suspected.length === 0 || suspected.length === part.length) return halves(part)
  const others = part.filter((_, line) => !isSuspect(line))
  return [others, suspected].flatMap((group) => (group.length > part.length / 2 ? halves(group) : [group]))
}

function halves(part: Uint32Array): Uint32Array[] {
  const middle = Math.ceil(part.length / 2)
  return [part.subarray(middle), part.subarray(0, middle)]
}
