import { availableParallelism } from 'node:os'
import { type EventLoopUtilization, performance } from 'node:perf_hooks'
import { getHeapStatistics } from 'node:v8'

/** The process's own figures. */
export class Runtime {
  #loop = performance.eventLoopUtilization()
  #recent: EventLoopUtilization = this.#loop

  /** To be called about once a second: the event loop's utilization is of the time since the call before. */
  sample(): void {
    const loop = performance.eventLoopUtilization()
    this.#recent = performance.eventLoopUtilization(loop, this.#loop)
    this.#loop = loop
  }

  figures() {
    const { rss, heapTotal, heapUsed, external, arrayBuffers } = process.memoryUsage()
    const { user, system } = process.cpuUsage()
    return {
      time: new Date().toISOString(),
      node_version: process.version,
      platform: process.platform,
      arch: process.arch,
      pid: process.pid,
      cpus: availableParallelism(),
      uptime_seconds: process.uptime(),
      cpu_user_seconds: user / 1e6,
      cpu_system_seconds: system / 1e6,
      memory_rss_bytes: rss,
      heap_total_bytes: heapTotal,
      heap_used_bytes: heapUsed,
      heap_limit_bytes: getHeapStatistics().heap_size_limit,
      external_bytes: external,
      array_buffers_bytes: arrayBuffers,
      event_loop_utilization: this.#recent.utilization,
    }
  }
}
