import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** A container's memory, as the kernel limits it. */
export interface MemoryLimit {
  /** `none`: no cgroup may be made here, and the peak RSS that the kernel counts has to do. */
  readonly kind: 'cgroup v1' | 'cgroup v2' | 'none'
  /** The command made to run inside it; the kernel kills it when it needs more. */
  wrap(command: readonly [string, ...string[]]): readonly [string, ...string[]]
  /** How often the kernel killed something in it. */
  kills(): number
  /** After everything in it has ended. */
  remove(): void
}

/** The strictest limit that can be had here: a cgroup, else one in name only. */
export function memoryLimit(bytes: number): MemoryLimit {
  for (const { kind, folder, settings, events } of hierarchies(bytes)) {
    if (!existsSync(folder)) continue
    const group = join(folder, `cfmr-test-${process.pid}-${Math.trunc(performance.now())}`)
    try {
      mkdirSync(group)
      for (const [file, value, required] of settings) {
        if (required || existsSync(join(group, file))) writeFileSync(join(group, file), String(value))
      }
    } catch {
      if (existsSync(group)) rmdirSync(group)
      continue
    }
    return {
      kind,
      wrap: (command) => ['sh', '-c', `echo $$ > ${join(group, 'cgroup.procs')} && exec "$@"`, 'sh', ...command],
      kills: () => Number(/^oom_kill (\d+)/m.exec(readFileSync(join(group, events), 'utf8'))?.[1] ?? 0),
      remove: () => rmdirSync(group),
    }
  }
  return { kind: 'none', wrap: (command) => command, kills: () => 0, remove: () => {} }
}

interface Hierarchy {
  readonly kind: 'cgroup v1' | 'cgroup v2'
  readonly folder: string
  /** File, value, and whether there is no limit without it. */
  readonly settings: readonly (readonly [file: string, value: number, required: boolean])[]
  readonly events: string
}

/** Below our own group: nobody may make one elsewhere, and what limits us limits it. */
function hierarchies(bytes: number): Hierarchy[] {
  if (!existsSync('/proc/self/cgroup')) return []
  const own = readFileSync('/proc/self/cgroup', 'utf8')
  const v1 = /^\d+:(?:[^:]*,)?memory(?:,[^:]*)?:(.*)$/m.exec(own)?.[1]
  const v2 = /^0::(.*)$/m.exec(own)?.[1]
  const oldSettings = [
    ['memory.limit_in_bytes', bytes, true],
    // With swap; not every kernel counts it.
    ['memory.memsw.limit_in_bytes', bytes, false],
  ] as const
  const newSettings = [
    ['memory.max', bytes, true],
    ['memory.swap.max', 0, false],
  ] as const
  return [
    ...(v1 === undefined ? [] : [join('/sys/fs/cgroup/memory', v1), '/sys/fs/cgroup/memory']).map(
      (folder) => ({ kind: 'cgroup v1', folder, settings: oldSettings, events: 'memory.oom_control' }) as const,
    ),
    ...(v2 === undefined ? [] : [join('/sys/fs/cgroup', v2), '/sys/fs/cgroup']).map(
      (folder) => ({ kind: 'cgroup v2', folder, settings: newSettings, events: 'memory.events' }) as const,
    ),
  ]
}
