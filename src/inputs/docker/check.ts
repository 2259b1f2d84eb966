import { constants, existsSync } from 'node:fs'
import { access } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { counted, type Findings, findingsOf } from '../../check/finding.ts'
import { errorText } from '../../lib/error-text.ts'
import { valueAt } from '../../lib/value-at.ts'
import { Engine } from './engine/engine.ts'
import { inspectionOf } from './inventory/inspection.ts'
import { ownContainer } from './inventory/own-container.ts'
import type { DockerSettings } from './variables.ts'

const { ok, warning, failed } = findingsOf('docker')

/** Whether the engine answers all that is asked of it, what of it is read, and whether positions can be kept. Starts and changes nothing there. */
export async function* checkDocker(settings: DockerSettings, signal: AbortSignal): Findings {
  const engine = new Engine(settings)
  try {
    yield* checkEngine(engine, settings, signal)
  } catch (error) {
    yield failed('engine', `${errorText(error)}. Look at CFMR_DOCKER_HOST`)
  } finally {
    await engine.close()
  }
  yield* checkState(settings)
}

async function* checkEngine(engine: Engine, settings: DockerSettings, signal: AbortSignal): Findings {
  const version = await engine.connect(signal)
  const info = await engine.json('/info', {}, 'ask for its name', signal)
  const host = String(valueAt(info, 'Name') ?? '')
  yield ok(
    'engine',
    `${engine.where} answers: ${engine.isPodman ? 'Podman' : 'Docker'} ${valueAt(info, 'ServerVersion') ?? ''} on ${host}, API ${version}`,
  )
  const list = await engine.json('/containers/json', { all: true }, 'list containers', signal)
  const ids = (Array.isArray(list) ? list : []).map((one) => String(valueAt(one, 'Id')))
  const chosen: string[] = []
  const unreadable: string[] = []
  for (const id of ids) {
    const answer = await engine.json(`/containers/${id}/json`, {}, `inspect container ${id.slice(0, 12)}`, signal).catch(() => undefined)
    const description = inspectionOf(answer, host, { ...settings, isOwn: ownContainer() })?.description
    if (description === undefined) continue
    const { selected, name, logDriver } = description
    if (selected.logs || selected.stats) chosen.push(name)
    if (selected.logs && logDriver === 'none') unreadable.push(name)
  }
  const figures = { containers: ids.length, chosen: chosen.length }
  const text = `${chosen.length} of ${counted(ids.length, 'container')} are read`
  if (ids.length > 0 && chosen.length === 0)
    yield warning('containers', `${text}: look at CFMR_DOCKER_INCLUDE and CFMR_DOCKER_EXCLUDE`, figures)
  else yield ok('containers', text, figures)
  for (const name of unreadable) yield warning('driver', `${name}: its logging driver is none: nothing of its log can be read`)
  if (settings.selection.collect.has('events')) yield* checkEvents(engine, signal)
}

/** A proxy in front of the socket may refuse them. */
async function* checkEvents(engine: Engine, signal: AbortSignal): Findings {
  const { chunks } = await engine.stream('/events', { since: 1, until: 1 }, 'read events', signal)
  for await (const _ of chunks) break
  yield ok('events', 'events can be read')
}

async function* checkState({ stateFolder, selection }: DockerSettings): Findings {
  if (!selection.collect.has('logs')) return
  if (stateFolder === undefined) {
    yield warning('state', 'CFMR_STATE is not set: after a restart, logs are read from then on, and what was written meanwhile is not read')
    return
  }
  try {
    await access(existing(stateFolder), constants.W_OK)
    yield ok('state', `positions can be kept in ${stateFolder}`)
  } catch (error) {
    yield failed('state', `positions cannot be kept: ${errorText(error)}. Look at CFMR_STATE`)
  }
}

/** The folder, or the first above it that is there: the worker makes what is missing. */
function existing(folder: string): string {
  let path = resolve(folder)
  while (!existsSync(path) && dirname(path) !== path) path = dirname(path)
  return path
}
