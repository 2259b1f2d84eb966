import { Agent, request } from 'undici'
import { type Findings, findingsOf } from '../../check/finding.ts'
import type { Records } from '../../flow/contracts.ts'
import { errorText } from '../../lib/error-text.ts'
import { judgeAnswer } from './answer.ts'
import { InfluxDbConnection } from './connection.ts'
import type { InfluxDbSettings } from './variables.ts'

const { ok, warning, failed } = findingsOf('influxdb')

const NOTHING: Records = { count: 0, bytes: new Uint8Array(0), endOf: () => 0 }

/** The server, and whether a write would get to its place: one without a point is sent, which stores nothing. */
export async function* checkInfluxDb(config: InfluxDbSettings, signal: AbortSignal): Findings {
  const agent = new Agent({
    connect: { rejectUnauthorized: !config.skipSslValidation, ...(config.trusted && { ca: [...config.trusted] }) },
  })
  const connection = new InfluxDbConnection({ url: config.addr, ...config })
  try {
    const version = await ping(config, agent, signal)
    yield ok('ping', `${config.addr} answers: version ${version}`, { version })
    yield* checkWrite(config, connection, signal)
    if (config.bucket === undefined && config.retentionPolicy !== undefined) yield* checkRetentionPolicy(config, agent, signal)
  } catch (error) {
    const cure = isCertificateError(error)
      ? 'Let Node.js trust its issuer (NODE_EXTRA_CA_CERTS), or set CFMR_INFLUXDB_SKIPSSLVALIDATION=true'
      : 'Look at CFMR_INFLUXDB_ADDR'
    yield failed('ping', `${config.addr} does not answer as InfluxDB does: ${errorText(error)}. ${cure}`)
  } finally {
    await connection.close()
    await agent.destroy()
  }
}

function isCertificateError(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  return /CERT|SELF_SIGNED|UNABLE_TO_|ERR_TLS/.test(code)
}

async function ping({ addr, pingTimeoutMs }: InfluxDbSettings, dispatcher: Agent, signal: AbortSignal): Promise<string> {
  const timeout = { headersTimeout: pingTimeoutMs, bodyTimeout: pingTimeoutMs }
  const { statusCode, headers, body } = await request(`${addr}/ping`, { dispatcher, signal, ...timeout })
  await body.dump()
  const version = headers['x-influxdb-version']
  if (version === undefined && statusCode >= 300) throw new Error(`HTTP ${statusCode}`)
  return String(version ?? 'unknown')
}

/** How servers refuse a write only because nothing is in it: 2.x and 3.x look for the bucket and the rights before that. */
const EMPTY = /requires points|empty|no (data|points|lines|content)/i

async function* checkWrite(config: InfluxDbSettings, connection: InfluxDbConnection, signal: AbortSignal): Findings {
  const { database, bucket } = config
  const place = bucket === undefined ? `database ${database}` : `bucket ${bucket}`
  try {
    const response = await connection.write(NOTHING.bytes, signal)
    const answer = judgeAnswer(response, NOTHING, connection.api)
    if (answer.outcome === 'stored' || (response.status === 400 && EMPTY.test(response.body))) yield ok('write', `${place} takes writes`)
    else if (answer.outcome === 'misconfigured')
      yield failed('write', `${place} takes no writes: ${answer.reason}. Look at ${answer.variable}`)
    else yield failed('write', `${place} takes no writes: ${answer.reason}`)
  } catch (error) {
    yield failed('write', `${place} takes no writes: ${errorText(error)}`)
  }
}

async function* checkRetentionPolicy(config: InfluxDbSettings, dispatcher: Agent, signal: AbortSignal): Findings {
  const { addr, database = '', retentionPolicy = '', username, password = '' } = config
  const query = new URLSearchParams({ q: `SHOW RETENTION POLICIES ON "${database.replace(/["\\]/g, '\\$&')}"` })
  const headers = username === undefined ? {} : { authorization: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}` }
  const { statusCode, body } = await request(`${addr}/query?${query}`, { dispatcher, signal, headers, headersTimeout: config.timeoutMs })
  const text = await body.text()
  const policies = policiesIn(text)
  if (policies?.includes(retentionPolicy)) yield ok('retention_policy', `retention policy ${retentionPolicy} is there`)
  else if (policies !== undefined) {
    yield failed(
      'retention_policy',
      `retention policy ${retentionPolicy} is not among ${policies.join(', ')}: create it, or look at CFMR_INFLUXDB_RETENTIONPOLICY`,
    )
  } else {
    const why = `HTTP ${statusCode}: ${text.replace(/\s+/g, ' ').slice(0, 200)}`
    yield warning(
      'retention_policy',
      `whether retention policy ${retentionPolicy} is there cannot be asked (${why}); an account that only writes may not see it`,
    )
  }
}

interface QueryAnswer {
  readonly results?: readonly {
    readonly error?: string
    readonly series?: readonly { readonly values?: readonly (readonly unknown[])[] }[]
  }[]
}

function policiesIn(text: string): string[] | undefined {
  try {
    const [result] = (JSON.parse(text) as QueryAnswer).results ?? []
    if (result === undefined || result.error !== undefined) return undefined
    return (result.series?.[0]?.values ?? []).map(([name]) => String(name))
  } catch {
    return undefined
  }
}
