import type { Engine } from '../engine/engine.ts'
import type { Container } from '../inventory/container.ts'
import { sinceText } from '../inventory/engine-event.ts'
import { type LogReader, logReader } from './log-reader.ts'

/** A container's log at an engine. */
export interface ContainersLog {
  readonly engine: Engine
  readonly container: Container
  /** Bytes of a line that are kept. */
  readonly maxBytes: number
}

/** Which part of it. */
export interface LogRequest {
  /** Whether the answer goes on with what is written from now on. */
  readonly follow: boolean
  /** By the engine's clock: lines of that time and later. 0: from the first. */
  readonly sinceNs?: bigint
  /** So many of its last records: a line that the engine has cut is several. */
  readonly tail?: number
}

export interface OpenLog {
  readonly reader: LogReader
  readonly chunks: AsyncIterable<Buffer>
}

/** Podman cuts lines into parts of 8 KiB. */
const PODMAN = { partBytes: [8192] }

/** Asks for a log whose container was inspected. Rejects as {@link Engine.stream} does. */
export async function openLog(
  { engine, container, maxBytes }: ContainersLog,
  { follow, sinceNs = 0n, tail }: LogRequest,
  signal: AbortSignal,
): Promise<OpenLog> {
  const since = sinceNs > 0n ? { since: sinceText(sinceNs) } : {}
  const query = { follow, stdout: true, stderr: true, timestamps: true, ...since, tail }
  const what = `read the log of container ${container.shortId}`
  const { contentType, chunks } = await engine.stream(`/containers/${container.id}/logs`, query, what, signal)
  const isRaw = contentType.endsWith('.raw-stream')
  const isTerminal = contentType.startsWith('application/vnd.docker.') ? isRaw : container.description?.isTerminal === true
  const reader = logReader({ isTerminal, maxBytes, partsShareTime: !engine.isPodman, ...(engine.isPodman && PODMAN) })
  return { reader, chunks }
}
