import { constants, existsSync } from 'node:fs'
import { access, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { counted, type Findings, findingsOf } from '../../check/finding.ts'
import { errorText } from '../../lib/error-text.ts'
import { valueAt } from '../../lib/value-at.ts'
import { Engine, type Query } from './engine/engine.ts'
import { EngineFailed } from './engine/engine-failed.ts'
import { SHORT_ID } from './inventory/container.ts'
import { inspectionOf } from './inventory/inspection.ts'
import { ownContainer } from './inventory/own-container.ts'
import { loadPositions, positionsFile } from './positions/positions-file.ts'
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
  const uninspected: string[] = []
  let ofLogs: string | undefined
  let ofStats: string | undefined
  for (const id of ids) {
    let answer: unknown
    try {
      answer = await engine.json(`/containers/${id}/json`, {}, `inspect container ${id.slice(0, SHORT_ID)}`, signal)
    } catch (error) {
      if (statusOf(error) !== GONE) uninspected.push(errorText(error))
      continue
    }
    const inspection = inspectionOf(answer, host, { ...settings, isOwn: ownContainer() })
    if (inspection === undefined) continue
    const { selected, name, logDriver } = inspection.description
    if (selected.logs || selected.stats) chosen.push(name)
    if (selected.logs && logDriver === 'none') unreadable.push(name)
    else if (selected.logs) ofLogs ??= id
    if (selected.stats && inspection.isRunning) ofStats ??= id
  }
  const figures = { containers: ids.length, chosen: chosen.length }
  const text = `${chosen.length} of ${counted(ids.length, 'container')} are read`
  if (uninspected.length > 0)
    yield failed(
      'inspections',
      `${counted(uninspected.length, 'container')} cannot be inspected, and so not read: ${uninspected[0]}`,
      figures,
    )
  else if (ids.length > 0 && chosen.length === 0)
    yield warning('containers', `${text}: look at CFMR_DOCKER_INCLUDE and CFMR_DOCKER_EXCLUDE`, figures)
  else yield ok('containers', text, figures)
  for (const name of unreadable) yield warning('driver', `${name}: its logging driver is none: nothing of its log can be read`)
  const { collect } = settings.selection
  const limits = { signal, timeoutMs: settings.timeoutMs }
  if (ofLogs !== undefined)
    yield* checkAnswer('logs', engine, `/containers/${ofLogs}/logs`, { follow: false, stdout: true, tail: 1 }, limits)
  if (ofStats !== undefined) {
    const query = { stream: false, ...(engine.hasOneShot && { 'one-shot': true }) }
    yield* checkAnswer('stats', engine, `/containers/${ofStats}/stats`, query, limits)
  }
  if (collect.has('events')) yield* checkAnswer('events', engine, '/events', { since: 1, until: 1 }, limits)
}

const GONE = 404
/** Of one container: it is being removed, or its driver cannot be read, which its own line says. */
const OF_ONE = new Set([GONE, 409, 501])

const statusOf = (error: unknown) => (error instanceof EngineFailed ? error.status : undefined)

/** A proxy in front of the socket may refuse it, or never answer. */
async function* checkAnswer(
  what: 'logs' | 'stats' | 'events',
  engine: Engine,
  path: string,
  query: Query,
  { signal, timeoutMs }: { readonly signal: AbortSignal; readonly timeoutMs: number },
): Findings {
  const late = AbortSignal.timeout(timeoutMs)
  try {
    const { chunks } = await engine.stream(path, query, `read ${what}`, AbortSignal.any([signal, late]))
    for await (const _ of chunks) break
    yield ok(what, `${what} can be read`)
  } catch (error) {
    const why = late.aborted ? `no answer within ${timeoutMs / 1000} s` : errorText(error)
    if (!OF_ONE.has(statusOf(error) ?? 0)) yield failed(what, `${what} cannot be read: ${why}. Does something before the engine refuse it?`)
  }
}

async function* checkState({ stateFolder, selection }: DockerSettings): Findings {
  if (!selection.collect.has('logs')) return
  if (stateFolder === undefined) {
    yield warning('state', 'CFMR_STATE is not set: after a restart, logs are read from then on, and what was written meanwhile is not read')
    return
  }
  try {
    const folder = existing(stateFolder)
    if (!(await stat(folder)).isDirectory()) throw new Error(`${folder} is no folder`)
    await access(folder, constants.W_OK | constants.X_OK)
    await loadPositions(positionsFile(stateFolder))
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
