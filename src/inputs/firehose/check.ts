import { randomUUID } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import { type Findings, findingsOf } from '../../check/finding.ts'
import { errorText } from '../../lib/error-text.ts'
import type { GatewayAccess } from './gateway-access.ts'
import { GatewayStream } from './gateway-stream.ts'
import type { FirehoseSettings } from './variables.ts'

const { ok, warning, failed } = findingsOf('firehose')

/** A gateway that takes no more streams says so at once. */
const LOOK_MS = 1500
/** The gateway's own, which cannot be set. */
const GATEWAY_ENDS_MS = 14 * 60_000
/** What the gateway asks UAA for. */
const SCOPES = ['logs.admin', 'doppler.firehose']

export interface CheckFirehoseOptions {
  readonly settings: FirehoseSettings
  readonly access: GatewayAccess
}

/** Where the gateway is, whether the account may read everything, and whether a stream can be had. Nobody's envelopes are taken away. */
export async function* checkFirehose({ settings, access }: CheckFirehoseOptions, signal: AbortSignal): Findings {
  try {
    yield* check(settings, access, signal)
  } finally {
    await access.close()
  }
}

async function* check(settings: FirehoseSettings, access: GatewayAccess, signal: AbortSignal): Findings {
  let url: string
  try {
    url = await access.url(signal)
    const scopes = scopesOf(await access.token(signal))
    if (scopes !== undefined && !SCOPES.some((scope) => scopes.includes(scope))) {
      yield failed(
        'role',
        `the account lacks logs.admin, and the gateway at ${url} says 404 to it: give its user or client that scope in UAA`,
      )
      return
    }
  } catch (error) {
    yield failed('gateway', errorText(error))
    return
  }
  const { cf, shardId, streams, streamAgeMs, timeoutMs } = settings
  const stream = new GatewayStream({
    ...cf,
    timeoutMs,
    access,
    // In a shard of its own it gets copies; in that of the workers it would take what is theirs.
    shardId: `${shardId}-check-${randomUUID()}`,
    silenceMs: timeoutMs,
    batch: () => {},
    lost: () => {},
  })
  const abort = () => stream.end()
  signal.addEventListener('abort', abort, { once: true })
  const isOpen = await stream.opened
  const end = isOpen ? await Promise.race([stream.ended, setTimeout(LOOK_MS)]) : await stream.ended
  signal.removeEventListener('abort', abort)
  stream.end()
  await stream.ended
  if (end !== undefined) yield failed('stream', `no stream can be had: ${end.error}`)
  else yield ok('stream', `the gateway at ${url} opens streams`, { url })
  if (streams === 1)
    yield warning('streams', 'with one stream whatever comes between its loss and the next is lost: set CFMR_FIREHOSE_STREAMS to 2')
  if (streamAgeMs >= GATEWAY_ENDS_MS) {
    yield warning(
      'streamage',
      'the gateway ends streams after 14 minutes, and only one that is replaced before that has its successor by then: set CFMR_FIREHOSE_STREAMAGE to 13m',
    )
  }
}

/** What a JWT says that it is good for; undefined of a token that does not say. */
function scopesOf(token: string): readonly string[] | undefined {
  try {
    const { scope, authorities } = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as Record<string, unknown>
    const scopes = [scope, authorities].filter(Array.isArray).flat() as string[]
    return scopes.length === 0 ? undefined : scopes
  } catch {
    return undefined
  }
}
