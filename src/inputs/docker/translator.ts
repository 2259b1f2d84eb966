import { App } from '../../cloud-foundry/app.ts'
import { AppEvent, CONTAINER_EVENT, CONTAINER_USAGE, type ContainerHappening, LOG, POINT } from '../../cloud-foundry/app-event.ts'
import type { AppSpelling } from '../../cloud-foundry/app-texts.ts'
import { type EventEncoder, NOT_TAKEN, type TranslatorCounts } from '../../cloud-foundry/translator.ts'
import type { Ack, Delivery, Sink, Translator, WaitingRoom } from '../../flow/contracts.ts'
import { ContainerSource, type LogSource } from './container-source.ts'
import type { Container, Description } from './inventory/container.ts'

export interface DockerTranslatorOptions {
  /** Resolves to what is known of a container, however little, in bounded time. */
  readonly describe: (container: Container) => Promise<Description>
  /** How what is written of each container in advance is to be spelled. */
  readonly spelling: () => AppSpelling
  readonly counts: TranslatorCounts
}

const OUT = 1
const ERR = 2
/** What follows a span must be readable. */
const SLACK_BYTES = 8
const TIME_BYTES = 20

/** What events of a container need of it: its names as outputs write them, and a buffer with its instance, behind which each event's time is written. */
interface Owner {
  readonly app: App
  readonly spelling: AppSpelling
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly text: Buffer
  readonly view: DataView<ArrayBuffer>
  readonly instanceBytes: number
}

/** Makes the program's events of what containers say. What comes of a container that is not inspected yet waits for that. */
export class DockerTranslator implements Translator<Description, EventEncoder> {
  readonly #options: DockerTranslatorOptions
  readonly #owners = new WeakMap<Description, Owner>()
  readonly #waitedFor = new Map<string, Container>()
  readonly #event = new AppEvent()
  #spelling: AppSpelling = {}

  constructor(options: DockerTranslatorOptions) {
    this.#options = options
    this.#event.verdict = POINT
  }

  take({ messages, ack }: Delivery, start: number, sinks: readonly Sink<EventEncoder>[], waiting: WaitingRoom<EventEncoder>): number {
    const source = sourceOf(ack)
    const { container } = source
    this.#spelling = this.#options.spelling()
    // What is known of it now may be too late for what came before.
    const isWaiting = container.description === undefined || waiting.isHolding(container.id, sinks)
    for (let index = start; index < messages.length; index++) {
      if (isOneFull(sinks)) return index
      const value = messages[index]?.value ?? Buffer.alloc(0)
      if (isWaiting) {
        this.#waitedFor.set(container.id, container)
        waiting.hold(container.id, ack, index, value, sinks)
      } else this.#encode(container.description as Description, source, value, ack, index, sinks)
    }
    return messages.length
  }

  lookUp(id: string): Promise<Description | undefined> {
    const container = this.#waitedFor.get(id)
    this.#waitedFor.delete(id)
    return container === undefined ? Promise.resolve(undefined) : this.#options.describe(container)
  }

  retake(original: Buffer, description: Description, ack: Ack, index: number, sinks: readonly Sink<EventEncoder>[]): void {
    this.#spelling = this.#options.spelling()
    this.#encode(description, sourceOf(ack), original, ack, index, sinks)
  }

  #encode(
    description: Description,
    source: ContainerSource,
    value: Buffer,
    ack: Ack,
    index: number,
    sinks: readonly Sink<EventEncoder>[],
  ): void {
    const owner = this.#ownerOf(source.container, description)
    if ((source.fact === 'event' && !description.selected.events) || !this.#fill(owner, description, source, value, ack.offsetOf(index))) {
      for (let i = 0; i < sinks.length; i++) ack.settle('discarded', index)
      return
    }
    if (sinks.some(({ speaksForAll }) => speaksForAll)) this.#options.counts.enriched.add(1, Date.now())
    const { app } = owner
    for (let i = 0; i < sinks.length; i++) {
      const sink = sinks[i] as Sink<EventEncoder>
      const { encoder } = sink
      const problem = encoder.encode(this.#event, app, value, sink.buffer, ack, index)
      if (problem === undefined) sink.close(ack, index, value, encoder.place)
      else if (problem === NOT_TAKEN) ack.settle('discarded', index)
      else sink.bury('refused', problem, ack, index, value)
    }
  }

  /** Makes the event of a message. False where there is nothing to say. */
  #fill(
    { bytes, text, view, instanceBytes }: Owner,
    description: Description,
    source: ContainerSource,
    value: Buffer,
    position: number,
  ): boolean {
    const event = this.#event
    event.bytes = bytes
    event.view = view
    event.instance = 0
    event.instanceEnd = instanceBytes
    event.timestamp = instanceBytes
    event.timestampEnd = instanceBytes + text.write(String(source.timeNsAt(position)), instanceBytes, 'latin1')
    if (source.fact === 'log') this.#fillLog(source as LogSource, value, position)
    else if (source.fact === 'usage') {
      event.kind = CONTAINER_USAGE
      event.readings = JSON.parse(value.toString()) as Readonly<Record<string, string>>
      return Object.keys(event.readings).length > 0
    } else {
      event.kind = CONTAINER_EVENT
      event.happening = unmasked(JSON.parse(value.toString()) as ContainerHappening, description)
    }
    return true
  }

  #fillLog(source: LogSource, value: Buffer, position: number): void {
    const event = this.#event
    event.kind = LOG
    event.messageType = source.streamAt(position) === 'stderr' ? ERR : OUT
    event.payloadBytes = value
    event.payload = 0
    event.payloadEnd = value.length
    event.payloadSize = source.sizeAt(position)
  }

  #ownerOf(container: Container, description: Description): Owner {
    const known = this.#owners.get(description)
    const spelling = this.#spelling
    if (known !== undefined && known.spelling.backslash === spelling.backslash && known.spelling.documents === spelling.documents)
      return known
    const owner = ownerOf(container, description, spelling)
    this.#owners.set(description, owner)
    return owner
  }
}

function ownerOf({ id, shortId }: Container, { name, image, host, owner }: Description, spelling: AppSpelling): Owner {
  const metadata = {
    // Whatever the sources say, it must be told from others.
    app: owner.app ?? (owner.appGuid === undefined ? shortId : ''),
    app_guid: owner.appGuid ?? '',
    space: owner.space ?? '',
    space_guid: owner.spaceGuid ?? '',
    org: owner.org ?? '',
    org_guid: owner.orgGuid ?? '',
  }
  const instance = Buffer.from((owner.instance ?? '').toWellFormed())
  const memory = new ArrayBuffer(instance.length + TIME_BYTES + SLACK_BYTES)
  const text = Buffer.from(memory)
  instance.copy(text)
  return {
    app: App.ofContainer(metadata, { id, name, image, host }, spelling),
    spelling,
    bytes: new Uint8Array(memory),
    text,
    view: new DataView(memory),
    instanceBytes: instance.length,
  }
}

function sourceOf({ source }: Ack): ContainerSource {
  if (!(source instanceof ContainerSource)) throw new Error('found a message of another input, expected one of docker')
  return source
}

function isOneFull(sinks: readonly Sink[]): boolean {
  for (let i = 0; i < sinks.length; i++) if ((sinks[i] as Sink).isFull) return true
  return false
}

/** The engine puts a container's labels over what belongs to an action: a label of that name hides it, and says nothing of what has happened. */
function unmasked({ exitCode, signal, ...happening }: ContainerHappening, { labels }: Description): ContainerHappening {
  const isExitHidden = Object.hasOwn(labels, 'exitCode') || Object.hasOwn(labels, 'containerExitCode')
  return {
    ...happening,
    ...(exitCode !== undefined && !isExitHidden && { exitCode }),
    ...(signal !== undefined && !Object.hasOwn(labels, 'signal') && { signal }),
  }
}
