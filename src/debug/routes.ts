import type { CpuProfiler } from './cpu-profile.ts'
import { listingReply } from './listings.ts'
import type { Metrics } from './metrics.ts'
import { page } from './page.ts'
import { json, type Reply, text } from './reply.ts'
import type { StatsSources } from './sources.ts'
import type { Stats } from './stats.ts'

/** Answers GET (and HEAD) of one path. `gone` aborts when nobody waits for the answer any more. */
export type Route = (query: URLSearchParams, gone: AbortSignal) => Reply | Promise<Reply>

export interface RouteOptions {
  readonly sources: StatsSources
  readonly stats: Stats
  readonly metrics: Metrics
  /** Undefined where profiling is not allowed: then its path does not exist. */
  readonly profiler: CpuProfiler | undefined
}

/** These never ask for a password: the platform's health checks have none. */
export const PUBLIC_PATHS: ReadonlySet<string> = new Set(['/healthz', '/readyz'])

const MAX_PROFILE_SECONDS = 60
const PROFILE_SECONDS = '10'

/** Every path there is. */
export function routes({ sources, stats, metrics, profiler }: RouteOptions): ReadonlyMap<string, Route> {
  const { version, instanceIndex, secrets } = sources
  const inputs = sources.inputs.map(({ input }) => input)
  const all = new Map<string, Route>([
    ['/', () => page({ version, isProfiling: profiler !== undefined, inputs })],
    ['/healthz', () => text(200, 'ok')],
    ['/readyz', () => readiness(stats.notReady())],
    ['/stats', () => json(200, stats.snapshot())],
    ['/stats/app', () => json(200, stats.app())],
    ['/stats/runtime', () => json(200, stats.runtime())],
    ['/metrics', async () => ({ status: 200, type: metrics.contentType, body: await metrics.render(stats.snapshot()) })],
  ])
  for (const listing of inputs.flatMap(({ listings = [] }) => listings)) {
    const { redact } = secrets
    all.set(`/stats/${listing.name}`, (query) => listingReply({ listing, instanceIndex, redact }, query))
  }
  if (profiler !== undefined) all.set('/debug/cpuprofile', (query, gone) => cpuProfile(profiler, query, gone))
  return all
}

function readiness(reasons: readonly string[]): Reply {
  return reasons.length === 0 ? json(200, { ready: true }) : json(503, { ready: false, reasons })
}

async function cpuProfile(profiler: CpuProfiler, query: URLSearchParams, gone: AbortSignal): Promise<Reply> {
  const given = query.get('seconds') ?? PROFILE_SECONDS
  const seconds = /^\d+$/.test(given) ? Number(given) : 0
  if (seconds < 1 || seconds > MAX_PROFILE_SECONDS) return text(400, `seconds: expected a whole number, 1 to ${MAX_PROFILE_SECONDS}`)
  if (profiler.isRecording) return text(409, 'Another profile is being recorded; one at a time.')
  const body = await profiler.record(seconds, gone)
  const name = `cf-metrics-refinery-${new Date().toISOString().replaceAll(':', '-')}.cpuprofile`
  return { status: 200, type: 'application/json', body, headers: { 'content-disposition': `attachment; filename="${name}"` } }
}
