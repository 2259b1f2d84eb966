import { EventSource } from '../../flow/event-source.ts'
import type { ByteBuffer } from '../../lib/byte-buffer.ts'
import type { Container } from './inventory/container.ts'
import { identityIdOf, type LineIds } from './logs/event-id.ts'
import type { LogLine } from './logs/line-joiner.ts'

/** What a delivery of a container is: lines of its log, a reading of what it uses, or what has happened to it. */
export type ContainerFact = 'log' | 'usage' | 'event'

/** Where messages of one container come from. Its positions are those of one delivery. */
export abstract class ContainerSource extends EventSource {
  abstract readonly fact: ContainerFact
  readonly container: Container

  constructor(container: Container) {
    super()
    this.container = container
  }

  /** By the engine's clock. */
  abstract timeNsAt(position: number): bigint
}

/** Lines of a container's log, numbered from `first` on. */
export class LogSource extends ContainerSource {
  readonly fact = 'log'
  readonly #first: number
  readonly #ids: LogIds
  readonly #times: BigInt64Array
  /** The same, low and high half of each. */
  readonly #halves: Int32Array
  readonly #ordinals: Uint32Array
  readonly #sizes: Uint32Array
  /** 1: stderr. */
  readonly #streams: Uint8Array

  constructor(container: Container, ids: LogIds, first: number, lines: readonly NumberedLine[]) {
    super(container)
    this.#ids = ids
    this.#first = first
    this.#times = new BigInt64Array(lines.length)
    this.#halves = new Int32Array(this.#times.buffer)
    this.#ordinals = new Uint32Array(lines.length)
    this.#sizes = new Uint32Array(lines.length)
    this.#streams = new Uint8Array(lines.length)
    for (let at = 0; at < lines.length; at++) {
      const { line, ordinal } = lines[at] as NumberedLine
      this.#times[at] = line.timeNs
      this.#ordinals[at] = ordinal
      this.#sizes[at] = line.sizeBytes
      this.#streams[at] = line.stream === 'stderr' ? 1 : 0
    }
  }

  timeNsAt(position: number): bigint {
    return this.#times[position - this.#first] ?? 0n
  }

  streamAt(position: number): LogLine['stream'] {
    return this.#streams[position - this.#first] === 1 ? 'stderr' : 'stdout'
  }

  /** Bytes of the whole line, however much of it is kept. */
  sizeAt(position: number): number {
    return this.#sizes[position - this.#first] ?? 0
  }

  /** Its number among the lines of its stream and time, from 0. */
  ordinalAt(position: number): number {
    return this.#ordinals[position - this.#first] ?? 0
  }

  override appendId(position: number, buffer: ByteBuffer): void {
    const at = position - this.#first
    const high = this.#halves[2 * at + 1] ?? 0
    const low = this.#halves[2 * at] ?? 0
    this.#ids[this.streamAt(position)].append(high, low, this.ordinalAt(position), buffer)
  }
}

/** Ids of the lines of both streams. */
export type LogIds = Readonly<Record<LogLine['stream'], LineIds>>

export interface NumberedLine {
  readonly line: LogLine
  readonly ordinal: number
}

/** One message that is no line. */
export class FactSource extends ContainerSource {
  readonly fact: 'usage' | 'event'
  readonly #timeNs: bigint
  readonly #parts: readonly string[]

  /** `parts` tell it from all others of its kind and container. */
  constructor(container: Container, fact: 'usage' | 'event', timeNs: bigint, ...parts: readonly string[]) {
    super(container)
    this.fact = fact
    this.#timeNs = timeNs
    this.#parts = parts
  }

  timeNsAt(): bigint {
    return this.#timeNs
  }

  override appendId(_position: number, buffer: ByteBuffer): void {
    buffer.appendAscii(identityIdOf(this.container.id, this.fact, String(this.#timeNs), ...this.#parts))
  }
}
