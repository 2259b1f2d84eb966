import { join } from 'node:path'
import { type DockerEngine, startDocker } from '../../dev/docker/docker.ts'
import { scratchFolder } from '../../dev/scratch-folder.ts'
import type { WorkerOptions, WorkerProcess } from '../../dev/worker-process.ts'
import { documentOf } from './document-of.ts'
import { startWorker } from './worker.ts'

/** A document as far as tests of containers look at it. */
export interface ContainerDocument {
  readonly '@timestamp': string
  readonly message?: string
  readonly log?: { readonly iostream: string }
  readonly event: {
    readonly id: string
    readonly dataset: string
    readonly kind: string
    readonly action?: string
    readonly truncated?: boolean
  }
  readonly container: {
    readonly id: string
    readonly name: string
    readonly pids?: number
    readonly network?: object
    readonly disk?: object
  }
  readonly host: { readonly name: string }
  readonly process?: { readonly exit_code: number }
  readonly docker?: { readonly oom?: boolean; readonly signal?: number }
  readonly cloudfoundry: {
    readonly app: { readonly id?: string; readonly name?: string; readonly instance?: { readonly id: string } }
    readonly org?: { readonly name: string }
    readonly space?: { readonly name: string }
    readonly container?: {
      readonly cpu?: { readonly pct: number }
      readonly memory?: { readonly bytes?: number; readonly quota?: { readonly bytes: number } }
      readonly disk?: { readonly bytes: number }
    }
  }
}

/** Workers that read an engine one after the other with the same positions, and every document that any of them has written. */
export class DockerScene {
  readonly #host: string
  readonly documents: ContainerDocument[] = []
  readonly state = join(scratchFolder('state'), 'kept')

  /** `host` as CFMR_DOCKER_HOST has it. */
  static with(host: string): DockerScene {
    return new DockerScene(host)
  }

  protected constructor(host: string) {
    this.#host = host
  }

  /** Resolves when the worker's HTTP server answers. */
  async work(env: WorkerOptions['env'] = {}): Promise<WorkerProcess> {
    const worker = await startWorker({
      env: {
        CFMR_INPUT: 'docker',
        CFMR_OUTPUT: 'stdout',
        CFMR_STDOUT_FORMAT: 'json',
        CFMR_DOCKER_HOST: this.#host,
        CFMR_DOCKER_COLLECT: 'logs',
        CFMR_STATE: this.state,
        CFMR_BATCHER_FLUSHINTERVAL: '100ms',
        ...env,
      },
      // Without the output stdout that is where its log goes.
      ...(env['CFMR_OUTPUT'] === undefined && { onOutput: (line: string) => this.#keep(line) }),
    })
    await worker.logged(/HTTP server listens/)
    return worker
  }

  #keep(line: string): void {
    const document = documentOf<ContainerDocument>(line)
    if (document !== undefined) this.documents.push(document)
  }

  /** Documents of a container's log, in the order in which they came, those that came again left out. */
  logOf(container: string): readonly ContainerDocument[] {
    const seen = new Set<string>()
    return this.documents.filter(({ container: { id, name }, event }) => {
      if (event.dataset !== 'cloudfoundry.log' || (id !== container && name !== container) || seen.has(event.id)) return false
      seen.add(event.id)
      return true
    })
  }

  messagesOf(container: string, stream?: 'stdout' | 'stderr'): string[] {
    return this.logOf(container)
      .filter(({ log }) => stream === undefined || log?.iostream === stream)
      .map(({ message = '' }) => message)
  }
}

/** With a real engine of its own. */
export class RealDockerScene extends DockerScene {
  readonly engine: DockerEngine

  private constructor(engine: DockerEngine) {
    super(engine.host)
    this.engine = engine
  }

  static async open(): Promise<RealDockerScene> {
    return new RealDockerScene(await startDocker())
  }

  close(): Promise<void> {
    return this.engine.close()
  }
}
