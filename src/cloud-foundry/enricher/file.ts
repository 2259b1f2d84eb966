import { readFileSync } from 'node:fs'
import { ConfigError, toError } from '../../lib/errors.ts'
import type { AppAnswers, AppMetadata, MetadataSource, SourceTraffic } from '../metadata.ts'

const NO_TRAFFIC: SourceTraffic = { requests: 0, failures: 0, lastFailureMs: 0, lastError: undefined }
const KEYS = ['app', 'app_guid', 'space', 'space_guid', 'org', 'org_guid'] as const

/** `CFMR_CF_API=file:PATH`: a JSON array of apps in place of Cloud Controller. A refresh reads it again. */
export class FileSource implements MetadataSource {
  readonly maxGuids = 1000
  readonly traffic = NO_TRAFFIC
  readonly #path: string
  #apps: ReadonlyMap<string, AppMetadata>

  /** Throws ConfigError with every mistake in the file. */
  constructor(path: string) {
    this.#path = path
    this.#apps = readApps(path)
  }

  async fetchApps(guids: readonly string[], signal: AbortSignal): Promise<AppAnswers> {
    signal.throwIfAborted()
    const apps = this.#apps
    return { found: guids.flatMap((guid) => apps.get(guid) ?? []), absent: guids.filter((guid) => !apps.has(guid)), failure: undefined }
  }

  /** Throws ConfigError where the file is not what it should be. */
  async *listApps(signal: AbortSignal): AsyncGenerator<readonly AppMetadata[]> {
    signal.throwIfAborted()
    this.#apps = readApps(this.#path)
    yield [...this.#apps.values()]
  }

  async close(): Promise<void> {}
}

function readApps(path: string): ReadonlyMap<string, AppMetadata> {
  const entries = parse(path, read(path))
  const mistakes = entries.flatMap((entry, number) =>
    mistakesOf(entry).map((mistake) => `${subject(path)}: entry ${number + 1}${nameOf(entry)}: ${mistake}`),
  )
  if (mistakes.length > 0) throw new ConfigError(mistakes)
  return new Map(
    (entries as AppMetadata[]).map(({ app, app_guid, space, space_guid, org, org_guid }) => [
      app_guid,
      { app, app_guid, space, space_guid, org, org_guid },
    ]),
  )
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new ConfigError([`${subject(path)}: cannot be read: ${toError(error).message}`])
  }
}

function parse(path: string, text: string): readonly unknown[] {
  let entries: unknown
  try {
    entries = JSON.parse(text)
  } catch (error) {
    throw new ConfigError([`${subject(path)}: is not JSON: ${toError(error).message}`])
  }
  if (!Array.isArray(entries)) throw new ConfigError([`${subject(path)}: is not a JSON array of {${KEYS.join(', ')}}`])
  return entries
}

function mistakesOf(entry: unknown): string[] {
  if (typeof entry !== 'object' || entry === null || Array.isArray(entry))
    return [`is ${JSON.stringify(entry)}, expected {${KEYS.join(', ')}}`]
  const values = entry as Record<string, unknown>
  return KEYS.flatMap((key) => {
    const value = values[key]
    if (typeof value !== 'string') return [`${key} is ${value === undefined ? 'missing' : JSON.stringify(value)}, expected a string`]
    return value === '' && (key === 'app' || key === 'app_guid') ? [`${key} is empty`] : []
  })
}

function subject(path: string): string {
  return `CFMR_CF_API: file:${path}`
}

/** What helps to find an entry in a long file. */
function nameOf(entry: unknown): string {
  const { app, app_guid } = (entry ?? {}) as Partial<Record<string, unknown>>
  const name = [app_guid, app].find((value) => typeof value === 'string' && value !== '')
  return name === undefined ? '' : ` (${JSON.stringify(name)})`
}
