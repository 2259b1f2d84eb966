import { Ledger } from '../../src/flow/ledger.ts'
import { DockerInput } from '../../src/inputs/docker/docker.ts'
import type { DockerInputOptions } from '../../src/inputs/docker/docker-input-options.ts'
import { Engine } from '../../src/inputs/docker/engine/engine.ts'
import { quietLog } from './quiet-log.ts'

/** An input that has not begun to read, of an engine that need not be there. */
export function dockerInput(options: Partial<DockerInputOptions> = {}): DockerInput {
  return new DockerInput({
    engine: new Engine({ address: { kind: 'unix', path: '/nowhere/docker.sock' }, timeoutMs: 1000 }),
    sources: { app: [{ kind: 'name' }], appGuid: [], space: [], spaceGuid: [], org: [], orgGuid: [], instance: [] },
    selection: { include: [], exclude: [], collect: new Set(['logs', 'stats', 'events']) },
    aliases: new Map(),
    isOwn: () => false,
    stateFolder: undefined,
    statsIntervalMs: 1000,
    diskIntervalMs: 0,
    inventoryTimeoutMs: 1000,
    maxLineBytes: 1024,
    maxInFlight: 1000,
    maxInFlightBytes: 1_000_000,
    flushNow: () => {},
    keptBytes: () => 0,
    ledger: new Ledger(),
    log: quietLog().log,
    ...options,
  })
}
