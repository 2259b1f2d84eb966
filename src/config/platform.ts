import { trustedCertificates, type Unreadable } from './certificates.ts'
import type { Environment } from './environment.ts'
import type { Rules } from './rules.ts'

/** What Cloud Foundry (or whoever starts the process) says beside our own variables. */
export interface Platform {
  readonly instanceIndex: number
  readonly port: number
  /** Certificates of authorities to trust, in PEM; undefined where the platform names none, so that Node's own hold. */
  readonly trusted: readonly string[] | undefined
  /** What is likely to go wrong later. Nothing is lost by it. */
  readonly warnings: readonly string[]
}

const KILL_AFTER_MS = 10_000

export function readPlatform(env: Environment, rules: Rules, mistakes: string[]): Platform {
  const index = env['CF_INSTANCE_INDEX']?.trim() ?? ''
  const unreadable: Unreadable[] = []
  const trusted = trustedCertificates(env, unreadable)
  return {
    trusted,
    instanceIndex: /^\d+$/.test(index) ? Number(index) : 0,
    port: readPort(env, rules, mistakes),
    warnings: [...warnings(env, rules, unreadable)],
  }
}

function readPort(env: Environment, { mode, values, isSet }: Rules, mistakes: string[]): number {
  const text = env['PORT']?.trim() ?? ''
  if (isSet('CFMR_SERVER_PORT')) return values.CFMR_SERVER_PORT ?? 0
  if (text === '' || mode !== 'run') return 8080
  const port = /^\d+$/.test(text) ? Number(text) : Number.NaN
  if (port <= 65_535) return port
  mistakes.push(`PORT: found ${JSON.stringify(text)}, expected a port, 0 to 65535; CFMR_SERVER_PORT stands above it`)
  return 0
}

function* warnings(env: Environment, { mode, values, isSet }: Rules, unreadable: readonly Unreadable[]): Generator<string> {
  for (const { variable, path, why } of unreadable) {
    yield `${variable}: ${path} cannot be read (${why}): its certificates are not trusted. Correct the variable, or unset it.`
  }
  if (values.CFMR_KAFKA_SASLMECHANISM === 'plain' && values.CFMR_KAFKA_SSL === false) {
    yield 'CFMR_KAFKA_SASLMECHANISM=plain without CFMR_KAFKA_SSL=true: the Kafka password goes over the network as it is. Set CFMR_KAFKA_SSL=true, or use scram-sha-256 or scram-sha-512.'
  }
  const application = env['VCAP_APPLICATION']?.trim() ?? ''
  if (mode !== 'run' || application === '') return
  const uris = applicationUris(application)
  if (uris.length > 0 && !isSet('CFMR_SERVER_PASSWORD')) {
    yield `CFMR_SERVER_PASSWORD is not set and the app has routes (${uris.join(', ')}): whoever can reach one can read the figures of this instance. Set a password, or take the routes away.`
  }
  const processingTimeoutMs = values.CFMR_KAFKA_PROCESSINGTIMEOUT ?? values.CFMR_PROCESSINGTIMEOUT ?? 0
  if (processingTimeoutMs >= KILL_AFTER_MS) {
    yield 'CFMR_PROCESSINGTIMEOUT is not below 10s: Cloud Foundry kills the process 10 s after SIGTERM, and what is not written by then is read again. Set 8s.'
  }
  const port = env['PORT']?.trim() ?? ''
  if (isSet('CFMR_SERVER_PORT') && port !== '' && String(values.CFMR_SERVER_PORT) !== port) {
    yield `CFMR_SERVER_PORT is not $PORT (${port}), where Cloud Foundry looks for /healthz and sends requests to. Unset it.`
  }
}

function applicationUris(json: string): string[] {
  try {
    const { uris } = JSON.parse(json) as { uris?: unknown }
    return Array.isArray(uris) ? uris.map(String) : []
  } catch {
    return []
  }
}
