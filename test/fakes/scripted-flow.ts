import { EventEmitter, once } from 'node:events'
import type {
  Ack,
  DeadLetter,
  DeadLetters,
  Delivery,
  Input,
  Output,
  Records,
  Sink,
  Translator,
  UnstoredRecord,
} from '../../src/flow/contracts.ts'
import { Lane } from '../../src/flow/lane.ts'
import { Pipeline } from '../../src/flow/pipeline.ts'
import { RecordedAck, textsOf } from './lines.ts'

/**
 * Traffic whose messages say what is to become of them: `discard`, `broken` (undecodable), `refuse:OUTPUT` (its encoder cannot
 * spell it), `owner:KEY …` (waits for KEY), `place:NAME …`. Anything else is a record as it is.
 */
class ScriptedTranslator implements Translator<string, string> {
  readonly #known = new Set<string>()
  readonly #answered = new EventEmitter().setMaxListeners(0)
  /** How often each message was taken apart. */
  readonly decoded = new Map<string, number>()
  asked: string[] = []

  answer(...keys: readonly string[]): void {
    for (const key of keys) this.#known.add(key)
    for (const key of keys) this.#answered.emit(key)
  }

  take(
    { messages, ack }: Delivery,
    start: number,
    sinks: readonly Sink<string>[],
    waiting: Parameters<Translator<string, string>['take']>[3],
  ): number {
    for (let index = start; index < messages.length; index++) {
      if (sinks.some(({ isFull }) => isFull)) return index
      const original = messages[index]?.value as Buffer
      const text = original.toString()
      this.decoded.set(text, (this.decoded.get(text) ?? 0) + 1)
      const key = /^owner:(\S+)/.exec(text)?.[1]
      if (key !== undefined && (!this.#known.has(key) || waiting.isHolding(key, sinks))) waiting.hold(key, ack, index, original, sinks)
      else this.retake(original, '', ack, index, sinks)
    }
    return messages.length
  }

  async lookUp(key: string): Promise<string | undefined> {
    this.asked.push(key)
    if (!this.#known.has(key)) await once(this.#answered, key)
    return key
  }

  retake(original: Buffer, _entry: string, ack: Ack, index: number, sinks: readonly Sink<string>[]): void {
    const text = original.toString()
    for (const sink of sinks) {
      if (text === 'discard') ack.settle('discarded', index)
      else if (text === 'broken' && sink.speaksForAll) sink.bury('undecodable', 'broken', ack, index, original)
      else if (text === 'broken') ack.settle('undecodable', index)
      else if (text.startsWith(`refuse:${sink.encoder}`)) sink.bury('refused', 'cannot be spelt', ack, index, original)
      else {
        sink.buffer.reserve(original.length + 1)
        sink.buffer.appendText(`${text}\n`)
        sink.close(ack, index, original, /^place:(\S+)/.exec(text)?.[1])
      }
    }
  }
}

/** Hands over what it is given, one delivery after the other, and counts what was pulled. */
class ScriptedInput implements Input {
  readonly #changed = new EventEmitter()
  readonly #deliveries: Delivery[] = []
  pulled = 0
  #hasEnded = false
  #failure: Error | undefined

  give(...texts: readonly string[]): RecordedAck {
    const ack = new RecordedAck()
    this.#deliveries.push({ messages: texts.map((text, offset) => ({ value: Buffer.from(text), offset })), ack })
    this.#changed.emit('change')
    return ack
  }

  fail(error: Error): void {
    this.#failure = error
    this.#changed.emit('change')
  }

  end(): void {
    this.#hasEnded = true
    this.#changed.emit('change')
  }

  async *read(stop: AbortSignal): AsyncGenerator<Delivery> {
    stop.addEventListener('abort', () => this.end(), { once: true })
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure
      const delivery = this.#deliveries.shift()
      if (delivery !== undefined) {
        this.pulled++
        yield delivery
      } else if (this.#hasEnded || stop.aborted) return
      else await once(this.#changed, 'change')
    }
  }

  async close(): Promise<readonly []> {
    return []
  }
}

interface WriteUnderWay {
  readonly texts: readonly string[]
  readonly tries: number
  readonly place: string | undefined
  readonly end: (unstored?: readonly UnstoredRecord[]) => void
  readonly fail: (error: Error) => void
}

/** Keeps each write waiting until the script ends it, unless it is told to take all. */
export class ScriptedOutput implements Output {
  readonly batches: string[][] = []
  readonly underWay: WriteUnderWay[] = []
  takesAll = false

  async start(): Promise<void> {}

  async write(records: Records, _signal: AbortSignal, tries: number): Promise<readonly UnstoredRecord[]> {
    const texts = textsOf(records)
    this.batches.push(texts)
    if (this.takesAll) return []
    return new Promise((resolve, reject) => {
      const { place } = records
      this.underWay.push({ texts, tries, place, end: (unstored = []) => resolve(unstored), fail: reject })
    })
  }

  async close(): Promise<void> {}
}

/** Takes each letter at once, or when the script lets it. */
class ScriptedDeadLetters implements DeadLetters {
  readonly keepsValues = true
  readonly letters: DeadLetter[] = []
  gate: Promise<void> = Promise.resolve()

  async send(letters: readonly DeadLetter[]): Promise<void> {
    this.letters.push(...letters)
    await this.gate
  }

  async close(): Promise<void> {}
}

export interface SceneOptions {
  readonly outputs?: readonly string[]
  readonly flushMessages?: number
  readonly flushIntervalMs?: number
  readonly maxWrites?: number
  readonly isByPlace?: boolean
  /** Whether a second input feeds the same lanes, with a translator of its own. */
  readonly hasSecond?: boolean
}

/** The program's own pipeline and lanes, between ends that a script drives. */
export function scriptedFlow({
  outputs: names = ['one'],
  flushMessages = 5,
  flushIntervalMs = 60_000,
  maxWrites = 2,
  isByPlace = false,
  hasSecond = false,
}: SceneOptions = {}) {
  const input = new ScriptedInput()
  const second = new ScriptedInput()
  const translator = new ScriptedTranslator()
  const deadLetters = new ScriptedDeadLetters()
  const outputs = names.map(() => new ScriptedOutput())
  const lanes = names.map(
    (name, number) =>
      new Lane<string>({
        name,
        encoder: name,
        output: outputs[number] as ScriptedOutput,
        deadLetters,
        speaksForAll: number === 0,
        limits: { flushMessages, flushIntervalMs, maxWrites, isByPlace },
      }),
  )
  const secondTranslator = new ScriptedTranslator()
  const sources = [{ input, translator }, ...(hasSecond ? [{ input: second, translator: secondTranslator }] : [])]
  const pipeline = new Pipeline({ sources, lanes })
  const stop = new AbortController()
  const kill = new AbortController()
  return {
    input,
    second,
    translator,
    secondTranslator,
    deadLetters,
    outputs,
    lanes,
    pipeline,
    stop,
    kill,
    run: () => pipeline.run(stop.signal, kill.signal),
  }
}
