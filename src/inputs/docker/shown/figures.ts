import type { Engine } from '../engine/engine.ts'
import type { Gaps } from '../gaps.ts'
import type { Inventory } from '../inventory/inventory.ts'
import type { Tracker } from '../inventory/tracker.ts'
import type { Followers } from '../logs/followers.ts'
import type { StateFile } from '../positions/state-file.ts'
import type { Unasked } from '../unasked.ts'
import type { Sampler } from '../usage/sampler.ts'

/** What is looked at, and never changed, to say how it stands. */
export interface DockerParts {
  readonly engine: Engine
  readonly inventory: Inventory
  readonly tracker: Tracker
  readonly followers: Followers
  readonly sampler: Sampler
  readonly gaps: Gaps
  readonly unasked: Unasked
  readonly state: StateFile
  /** Whether there is a folder to keep positions in. */
  readonly keepsPositions: boolean
}

/** What `/stats` shows of the input beside what it shows of any: plain JSON. */
export function dockerFigures({ engine, inventory, tracker, followers, gaps, unasked, state, keepsPositions }: DockerParts) {
  const containers = [...inventory.containers.values()]
  const uninspected = containers.flatMap(({ label, description, problem }) =>
    description !== undefined || problem === undefined ? [] : [{ container: label, problem }],
  )
  const logs = [...followers.progress]
  return {
    engine: {
      address: engine.where,
      host: inventory.host || null,
      kind: tracker.engine === undefined ? null : tracker.engine.isPodman ? 'Podman' : 'Docker',
      version: tracker.engine?.version ?? null,
      api_version: tracker.engine?.apiVersion ?? null,
      connected: tracker.problem === undefined,
      connected_since: isoTime(tracker.connectedMs),
      /** Why it is not connected. */
      problem: tracker.problem ?? null,
      reconnects: tracker.reconnects,
    },
    containers: containers.length,
    running: containers.filter(({ isRunning }) => isRunning).length,
    streaming: logs.filter(([, { isStreaming }]) => isStreaming).length,
    /** Of those that stream, logs whose lines wait for room among what is in flight. */
    waiting_for_room: logs.filter(([, { state }]) => state === 'waiting').length,
    not_streaming: [
      ...uninspected,
      ...logs.flatMap(([{ label }, { problem }]) => (problem === undefined ? [] : [{ container: label, problem }])),
    ],
    inspections_waiting: tracker.inspectionsWaiting,
    gaps: { ...gaps.counts },
    dropped_by_kind: { ...unasked.dropped },
    positions: {
      kept: keepsPositions,
      last_save_time: isoTime(state.savedMs),
      save_failures: state.failures,
      problem: state.problem ?? null,
    },
  }
}

export function isoTime(ms: number): string | null {
  return ms === 0 ? null : new Date(ms).toISOString()
}
