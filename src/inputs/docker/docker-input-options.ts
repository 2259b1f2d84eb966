import type { Logger } from 'pino'
import type { Ledger } from '../../flow/ledger.ts'
import type { Engine } from './engine/engine.ts'
import type { DescribeOptions } from './inventory/inspection.ts'

export interface DockerInputOptions extends DescribeOptions {
  readonly engine: Engine
  /** A folder; undefined: positions are not kept. */
  readonly stateFolder: string | undefined
  readonly statsIntervalMs: number
  /** 0: never. */
  readonly diskIntervalMs: number
  readonly inventoryTimeoutMs: number
  /** Bytes of a line that are kept. */
  readonly maxLineBytes: number
  /** Messages read and not settled, and bytes of them: reading of logs pauses at either. */
  readonly maxInFlight: number
  readonly maxInFlightBytes: number
  /** Called at a limit: whoever collects must not wait for more. */
  readonly flushNow: () => void
  /** Bytes that outputs keep of messages in flight: they count with those. */
  readonly keptBytes: () => number
  readonly ledger: Ledger
  readonly log: Logger
}
