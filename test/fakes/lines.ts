import type { Ack, Records } from '../../src/flow/contracts.ts'
import { EventSource } from '../../src/flow/event-source.ts'

/** Records as they are, as a batch. */
export function recordsOf(texts: readonly string[], place?: string): Records {
  let length = 0
  const ends = texts.map((text) => {
    length += Buffer.byteLength(text)
    return length
  })
  return { count: texts.length, bytes: Buffer.from(texts.join('')), endOf: (record) => ends[record] as number, place }
}

/** Lines without their newlines, as a batch. */
export function linesOf(texts: readonly string[]): Records {
  return recordsOf(texts.map((text) => `${text}\n`))
}

/** The texts of lines, the other way round. */
export function textsOf(lines: Pick<Records, 'bytes'>): string[] {
  return Buffer.from(lines.bytes).toString().split('\n').slice(0, -1)
}

/** Remembers what was settled: by index, the fate. */
export class RecordedAck implements Ack {
  readonly topic: string
  readonly partition = 0
  isOpen = true
  readonly fates = new Map<number, string>()
  calls = 0

  constructor(topic = 'log-events') {
    this.topic = topic
  }

  settle(fate: string, index: number, count = 1): void {
    this.calls++
    for (let i = index; i < index + count; i++) {
      if (this.fates.has(i)) throw new Error(`message ${i} was settled twice`)
      this.fates.set(i, fate)
    }
  }

  offsetOf(index: number): number {
    return 1000 + index
  }

  get source(): EventSource {
    return new EventSource(this.topic)
  }
}
