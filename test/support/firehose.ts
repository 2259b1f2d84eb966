import { onTestFinished } from 'vitest'
import { type CloudControllerFake, type CloudControllerOptions, startCloudController } from '../../dev/cloud-controller/cloud-controller.ts'
import { GatewayFake, type GatewayOptions } from '../../dev/loggregator/gateway.ts'
import { Numbered, NumberedFlow } from '../../dev/loggregator/numbered.ts'
import { LogStream } from '../../src/cloud-foundry/log-stream.ts'
import type { Delivery } from '../../src/flow/contracts.ts'
import { Ledger } from '../../src/flow/ledger.ts'
import { FirehoseInput, type FirehoseInputOptions } from '../../src/inputs/firehose/firehose.ts'
import { Secrets } from '../../src/lib/secrets.ts'
import { quietLog } from './quiet-log.ts'

export interface FoundationOptions {
  readonly gateway?: Partial<GatewayOptions>
  readonly cloudController?: Partial<CloudControllerOptions>
  readonly numbered?: Numbered
}

/** A Cloud Controller, its UAA and a gateway, for the test that runs. */
export interface Foundation {
  readonly gateway: GatewayFake
  readonly cloudController: CloudControllerFake
  readonly numbered: Numbered
  /** Envelopes from number 0 on, until it is stopped. */
  flow(perSecond: number): NumberedFlow
}

export async function startFoundation(options: FoundationOptions = {}): Promise<Foundation> {
  const { numbered = new Numbered() } = options
  const cloudController = await startCloudController({ apps: numbered.apps, ...options.cloudController })
  const gateway = await GatewayFake.start({ authorize: cloudController.uaa.readsFirehose, ...options.gateway })
  cloudController.platform.logStream = gateway.url
  onTestFinished(async () => {
    await gateway.close()
    await cloudController.close()
  })
  const flow = (perSecond: number) => {
    const running = new NumberedFlow({ numbered, publish: (...envelopes) => gateway.publish(...envelopes), perSecond })
    onTestFinished(() => running.stop())
    return running
  }
  return { gateway, cloudController, numbered, flow }
}

/** An input that reads a foundation, and what it has read. */
export class Reader {
  readonly ledger = new Ledger()
  readonly input: FirehoseInput
  readonly lines: readonly Record<string, unknown>[]
  /** Numbers of the envelopes that came, in their order. */
  readonly numbers: number[] = []
  /** Deliveries that are not settled yet. */
  readonly unsettled: Delivery[] = []
  /** Whether deliveries are settled as they come. */
  isSettling = true
  readonly #numbered: Numbered
  readonly #stop = new AbortController()
  readonly #done: Promise<void>

  constructor({ cloudController, numbered }: Foundation, options: Partial<FirehoseInputOptions> = {}) {
    const { log, lines } = quietLog()
    this.lines = lines
    this.#numbered = numbered
    const access = new LogStream({
      ...{ api: cloudController.url, user: 'admin', password: 'admin', timeoutMs: 10_000, retries: 0, skipSslValidation: false },
      ...{ resultsPerPage: 500, secrets: new Secrets(['admin']), log },
    })
    this.input = new FirehoseInput({
      ...{ access, shardId: 'shard', streams: 2, streamAgeMs: 780_000, timeoutMs: 10_000, skipSslValidation: false },
      ...{ maxInFlight: 100_000, maxInFlightBytes: 2 ** 25, ledger: this.ledger, log },
      ...options,
    })
    this.#done = this.#read()
    onTestFinished(() => this.stop())
  }

  /** Those that have happened. */
  get reconnects(): Record<string, number> {
    return Object.fromEntries(Object.entries(this.input.figures().reconnects).filter(([, count]) => count > 0))
  }

  /** Settles what waits for it. */
  settle(): void {
    for (const { ack, messages } of this.unsettled.splice(0)) ack.settle('written', 0, messages.length)
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#done
    await this.input.close()
  }

  async #read(): Promise<void> {
    for await (const delivery of this.input.read(this.#stop.signal)) {
      for (const { value } of delivery.messages) this.#note(value)
      this.unsettled.push(delivery)
      if (this.isSettling) this.settle()
    }
  }

  #note(value: Buffer | null): void {
    const timestamp = /"timestamp":"(\d+)".*"(?:log|timer|gauge)":/.exec(String(value))?.[1]
    if (timestamp !== undefined) this.numbers.push(this.#numbered.numberOf(BigInt(timestamp)))
  }
}
