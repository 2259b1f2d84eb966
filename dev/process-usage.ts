import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/** VmHWM of Linux; 0 where the process is gone or the kernel does not say. */
export function peakRssBytes(pid: number): number {
  try {
    return Number(/^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024
  } catch {
    return 0
  }
}

/** User and system time of all its threads, as Linux counts it, in ticks of usually 10 ms. */
export function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  // The command's name, in brackets, may hold spaces: fields are counted from behind it, so utime (14) and stime (15) are 11 and 12.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  ticksPerSecond ??= Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }))
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond
}

let ticksPerSecond: number | undefined
