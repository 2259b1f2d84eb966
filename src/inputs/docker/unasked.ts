import type { Delivery } from '../../flow/contracts.ts'
import type { Ledger } from '../../flow/ledger.ts'
import { Run } from '../../flow/run.ts'
import type { LimitedLog } from '../../lib/limited-log.ts'
import { steadyNowMs } from '../../lib/steady-clock.ts'
import { FactSource } from './container-source.ts'
import { DroppingQueue } from './dropping-queue.ts'
import type { Container } from './inventory/container.ts'
import type { EngineEvent } from './inventory/engine-event.ts'
import { parseTimestamp } from './logs/timestamp.ts'
import type { Usage } from './usage/reading.ts'
import { usageMessage } from './usage/usage-message.ts'

export interface UnaskedOptions {
  /** Of all that may be in flight; usage and events may take a part of each. */
  readonly maxInFlight: number
  readonly maxInFlightBytes: number
  readonly ledger: Ledger
  readonly log: LimitedLog
  readonly handOver: (source: FactSource, messages: readonly { readonly value: Buffer; readonly offset: number }[], run: Run) => Delivery
}

/** Of the limits, what usage and events may take: they never wait. */
const SHARE = 10

/** Readings of usage, and events: what comes unasked, and can never be had again. Reading them never waits; what has no room pushes out the oldest. */
export class Unasked {
  readonly #options: UnaskedOptions
  readonly #queue: DroppingQueue
  #number = 0
  /** How many were pushed out. */
  readonly dropped: Record<FactSource['fact'], number> = { usage: 0, event: 0 }

  constructor(options: UnaskedOptions) {
    const { maxInFlight, maxInFlightBytes, ledger, log } = options
    this.#options = options
    this.#queue = new DroppingQueue({
      maxMessages: Math.ceil(maxInFlight / SHARE),
      maxBytes: Math.ceil(maxInFlightBytes / SHARE),
      dropped: (bytes, fact) => {
        this.dropped[fact]++
        ledger.consume(1, bytes)
        ledger.settle('dropped', 1)
        log.warn(
          'dropped',
          {},
          'Docker: readings and events are dropped, the oldest first: the outputs do not keep up, and these never wait',
        )
      },
    })
  }

  happened({ action, exitCode, signal, timeNs }: EngineEvent, container: Container): void {
    const isOom = action === 'oom' || (action === 'die' && container.hadOom)
    const value = Buffer.from(JSON.stringify({ action, exitCode, signal, ...(isOom && { isOom }) }))
    this.#push(new FactSource(container, 'event', timeNs, action), value)
  }

  used(container: Container, usage: Usage): void {
    this.#push(new FactSource(container, 'usage', parseTimestamp(usage.read) ?? 0n), usageMessage(usage))
  }

  /** The oldest, as a delivery of its own. */
  shift(): Delivery | undefined {
    return this.#queue.shift()
  }

  /** Throws all away, and returns how many there were, and their bytes. */
  clear(): { readonly messages: number; readonly bytes: number } {
    return this.#queue.clear()
  }

  #push(source: FactSource, value: Buffer): void {
    const messages = [{ value, offset: this.#number++ }]
    const deliver = () => this.#options.handOver(source, messages, new Run(messages, this.#number, steadyNowMs()))
    this.#queue.push(value.length, source.fact, deliver)
  }
}
