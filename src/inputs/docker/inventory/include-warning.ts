import type { Logger } from 'pino'
import { sleep } from '../../../lib/sleep.ts'
import type { Container } from './container.ts'
import type { Selection } from './selection.ts'

export interface IncludeWarningOptions {
  readonly selection: Selection
  /** All that the engine has now. */
  readonly containers: () => Iterable<Container>
  readonly log: Logger
}

const AFTER_MS = 60_000

/** Says so where, a minute after the start, CFMR_DOCKER_INCLUDE still leaves nothing to read. Ends when `stop` aborts. */
export async function warnOfNothingIncluded({ selection, containers, log }: IncludeWarningOptions, stop: AbortSignal): Promise<void> {
  if (selection.include.length === 0) return
  await sleep(AFTER_MS, stop)
  const isAny = [...containers()].some(({ description: { selected } = {} }) => selected?.logs || selected?.stats || selected?.events)
  if (!stop.aborted && !isAny) log.warn('Docker: CFMR_DOCKER_INCLUDE matches no container: nothing is read')
}
