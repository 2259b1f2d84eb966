import { randomInt } from 'node:crypto'

const SPACE = 0x20
const NEWLINE = 0x0a
const MINUS = 0x2d
const DOT = 0x2e
const ZERO = 0x30
const NINE = 0x39
const FNV_PRIME = 16_777_619
/** So that nobody can choose names that all meet in one place of a table. */
const SEED = randomInt(2 ** 31)
/** So many digits are exact in a double. */
const SAFE_DIGITS = 15

export const COUNT = 0x63
export const TIME = 0x6d
export const GAUGE = 0x67

/**
 * The samples of a batch, one at a time, as `SampleEncoder` writes them: `TYPE TIME VALUE NAME TAGS`. All positions are of `bytes`; nothing is
 * allocated for a sample.
 */
export class SampleReader {
  readonly bytes: Buffer
  /** One of COUNT, TIME, GAUGE. */
  type = 0
  time = 0
  timeEnd = 0
  value = 0
  valueEnd = 0
  name = 0
  nameEnd = 0
  /** Where tags end; they begin one behind the name. */
  end = 0
  /** Of name and tags, a small integer. */
  hash = 0
  #next = 0

  constructor(bytes: Buffer) {
    this.bytes = bytes
  }

  /** False behind the last one. */
  next(): boolean {
    const { bytes } = this
    if (this.#next >= bytes.length) return false
    this.type = bytes[this.#next] as number
    this.time = this.#next + 2
    this.timeEnd = this.#find(SPACE, this.time)
    this.value = this.timeEnd + 1
    this.valueEnd = this.#find(SPACE, this.value)
    this.name = this.valueEnd + 1
    this.nameEnd = 0
    let hash = SEED
    let at = this.name
    for (let byte = bytes[at] as number; byte !== NEWLINE; byte = bytes[++at] as number) {
      if (byte === SPACE && this.nameEnd === 0) this.nameEnd = at
      hash = Math.imul(hash ^ byte, FNV_PRIME)
    }
    this.hash = hash & 0x3fffffff
    this.end = at
    this.#next = at + 1
    return true
  }

  text(start: number, end: number): string {
    return this.bytes.toString('utf8', start, end)
  }

  /** The value as a double: of whole numbers up to 2^53, and of decimals with up to 15 digits, exactly what is written. */
  get number(): number {
    const { bytes, value, valueEnd } = this
    if (valueEnd - value > SAFE_DIGITS) return Number(this.text(value, valueEnd))
    let digits = 0
    let scale = 0
    for (let at = value; at < valueEnd; at++) {
      const byte = bytes[at] as number
      if (byte === DOT && scale === 0) scale = 1
      else if (byte < ZERO || byte > NINE) return Number(this.text(value, valueEnd))
      else {
        digits = digits * 10 + byte - ZERO
        scale *= 10
      }
    }
    return scale > 1 ? digits / scale : digits
  }

  /** The time in whole seconds since 1970; of one before, 0. */
  get seconds(): number {
    const { bytes, time, timeEnd } = this
    if (bytes[time] === MINUS) return 0
    let seconds = 0
    for (let at = time; at < timeEnd - 9; at++) seconds = seconds * 10 + (bytes[at] as number) - ZERO
    return seconds
  }

  #find(byte: number, from: number): number {
    let at = from
    while (this.bytes[at] !== byte) at++
    return at
  }
}

/** Samples of a batch that have type, name, tags and interval in common, and what they add up to. */
export interface Group {
  readonly type: number
  /** Positions in the batch, as of {@link SampleReader}. */
  readonly name: number
  readonly nameEnd: number
  readonly end: number
  readonly interval: number
  /** COUNT: the sum, exact; what a double cannot hold is in `big`. TIME: the sum. */
  sum: number
  big: bigint
  /** TIME: the greatest. */
  max: number
  /** GAUGE: the latest by its time: where it is in the batch. */
  time: number
  timeEnd: number
  value: number
  valueEnd: number
  /** The next one with the same key of the table. */
  readonly sameKey: Group | undefined
}

/** Adds up samples that belong together. */
export class SampleGroups {
  readonly #byKey = new Map<number, Group>()
  readonly all: Group[] = []

  /** Adds the sample that `sample` stands at; those of different intervals are kept apart. */
  add(sample: SampleReader, interval = 0): void {
    const group = this.#find(sample, interval) ?? this.#begin(sample, interval)
    if (sample.type === COUNT) addCount(group, sample)
    else if (sample.type === TIME) {
      const { number } = sample
      group.sum += number
      group.max = Math.max(group.max, number)
    } else if (!isEarlier(sample, group)) {
      group.time = sample.time
      group.timeEnd = sample.timeEnd
      group.value = sample.value
      group.valueEnd = sample.valueEnd
    }
  }

  #find({ type, hash, bytes, name, end }: SampleReader, interval: number): Group | undefined {
    let group = this.#byKey.get(hash ^ interval)
    for (; group !== undefined; group = group.sameKey) {
      if (group.type !== type || group.interval !== interval || group.end - group.name !== end - name) continue
      if (bytes.compare(bytes, group.name, group.end, name, end) === 0) break
    }
    return group
  }

  #begin({ type, hash, name, nameEnd, end, time, timeEnd, value, valueEnd }: SampleReader, interval: number): Group {
    const positions = { name, nameEnd, end, time, timeEnd, value, valueEnd }
    const sameKey = this.#byKey.get(hash ^ interval)
    const group = { type, interval, ...positions, sum: 0, big: 0n, max: Number.NEGATIVE_INFINITY, sameKey }
    this.#byKey.set(hash ^ interval, group)
    this.all.push(group)
    return group
  }
}

/** The sum of a group of counts. */
export function totalOf({ sum, big }: Group): bigint {
  return BigInt(sum) + big
}

function addCount(group: Group, sample: SampleReader): void {
  if (sample.valueEnd - sample.value > SAFE_DIGITS) {
    group.big += BigInt(sample.text(sample.value, sample.valueEnd))
    return
  }
  group.sum += sample.number
  if (group.sum <= 10 ** SAFE_DIGITS) return
  group.big += BigInt(group.sum)
  group.sum = 0
}

/** Whether the sample was taken before the group's gauge. */
function isEarlier({ bytes, time, timeEnd }: SampleReader, group: Group): boolean {
  const length = timeEnd - time
  const otherLength = group.timeEnd - group.time
  if (bytes[time] === MINUS || bytes[group.time] === MINUS) {
    return BigInt(bytes.toString('latin1', time, timeEnd)) < BigInt(bytes.toString('latin1', group.time, group.timeEnd))
  }
  if (length !== otherLength) return length < otherLength
  return bytes.compare(bytes, group.time, group.timeEnd, time, timeEnd) < 0
}
