import type { Logger } from 'pino'
import type { ReplayStart } from '../command-line.ts'
import type { Config } from '../config/config.ts'
import { ReplayDeadLetters } from '../dead-letters/replay.ts'
import { Ledger } from '../flow/ledger.ts'
import { FileInput } from '../inputs/file/file.ts'
import { steadyNowMs } from '../lib/steady-clock.ts'
import { showProgress } from './replay-progress.ts'
import { buildStages, closeOutputs, startOutputs } from './stages.ts'

export interface ReplayOptions {
  readonly config: Config
  readonly files: readonly string[]
  readonly from: ReplayStart | undefined
  readonly log: Logger
  /** Aborts when the user wants it to end. */
  readonly stop: AbortSignal
}

/**
 * The worker's pipeline, from files. Resolves to the exit status; rejects where it cannot go on, and has said by then where
 * another time would go on from.
 */
export async function replay({ config, files, from, log, stop }: ReplayOptions): Promise<0 | 1> {
  const ledger = new Ledger()
  const { maxInFlight, maxInFlightBytes, processingTimeoutMs } = config.limits
  const input = new FileInput({
    files,
    from: from === undefined ? undefined : { file: from.file ?? (files[0] as string), line: from.line },
    maxInFlight,
    maxInFlightBytes,
    ledger,
  })
  const deadLetters = new ReplayDeadLetters({ log })
  const { enricher, outputs, pipeline } = buildStages({
    config,
    log,
    buildInputs: ({ envelopes }) => [{ input, translator: envelopes({ httpPeer: 'both', isFirehose: false }), ledger }],
    deadLetters,
  })
  const kill = new AbortController()
  const startKilling = () => setTimeout(() => kill.abort(), processingTimeoutMs).unref()
  stop.addEventListener('abort', startKilling, { once: true })
  const progress = showProgress(() => input.progress)
  try {
    await startOutputs(outputs, stop)
    await enricher.warmUp(stop)
    await pipeline.run(stop, kill.signal)
  } catch (error) {
    if (!stop.aborted) throw error
  } finally {
    kill.abort()
    progress.end()
    const unsettled = (await input.close(steadyNowMs())).reduce((sum, { count }) => sum + count, 0)
    const { written, ...rest } = ledger.fates
    log.info({ consumed: ledger.consumed, written, ...rest, unsettled, residue: ledger.residue(0) }, 'Replay: what became of the envelopes')
    const { restart } = input
    if (restart !== undefined) {
      log.warn({ from: `${restart.file}:${restart.line}` }, `Replay: not finished; go on with --from ${restart.file}:${restart.line}`)
    }
    await Promise.allSettled([closeOutputs(outputs), deadLetters.close(), enricher.stop()])
  }
  return input.restart === undefined || stop.aborted ? 0 : 1
}
