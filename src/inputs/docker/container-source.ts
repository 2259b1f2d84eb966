import { EVENT_ID_LENGTH, EventSource } from '../../flow/event-source.ts'
import type { ByteBuffer } from '../../lib/byte-buffer.ts'
import type { Container } from './inventory/container.ts'
import { eventIdOf, identityIdOf } from './logs/event-id.ts'
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

  override appendId(position: number, buffer: ByteBuffer): void {
    buffer.reserve(EVENT_ID_LENGTH)
    buffer.appendAscii(this.idOf(position))
  }
}

/** Lines of a container's log, numbered from `first` on. */
export class LogSource extends ContainerSource {
  readonly fact = 'log'
  readonly #first: number
  readonly #times: BigInt64Array
  readonly #ordinals: Uint32Array
  readonly #sizes: Uint32Array
  /** 1: stderr. */
  readonly #streams: Uint8Array

  constructor(container: Container, first: number, lines: readonly NumberedLine[]) {
    super(container)
    this.#first = first
    this.#times = BigInt64Array.from(lines, ({ line }) => line.timeNs)
    this.#ordinals = Uint32Array.from(lines, ({ ordinal }) => ordinal)
    this.#sizes = Uint32Array.from(lines, ({ line }) => line.sizeBytes)
    this.#streams = Uint8Array.from(lines, ({ line }) => (line.stream === 'stderr' ? 1 : 0))
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

  override idOf(position: number): string {
    return eventIdOf({
      container: this.container.id,
      stream: this.streamAt(position),
      timeNs: this.timeNsAt(position),
      ordinal: this.ordinalAt(position),
    })
  }
}

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

  override idOf(): string {
    return identityIdOf(this.container.id, this.fact, String(this.#timeNs), ...this.#parts)
  }
}
