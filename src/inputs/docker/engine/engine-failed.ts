import { STATUS_CODES } from 'node:http'
import { errorText } from '../../../lib/error-text.ts'

export interface EngineFailedOptions {
  readonly status?: number | undefined
  readonly cause?: unknown
}

/** What the engine did not do, in words, with what to do about it. */
export class EngineFailed extends Error {
  override readonly name = 'EngineFailed'
  /** HTTP's, where there was an answer. */
  readonly status: number | undefined

  constructor(message: string, { status, cause }: EngineFailedOptions = {}) {
    super(message, { cause })
    this.status = status
  }
}

const EXCERPT_CHARACTERS = 200

/** No answer from `where`. */
export function noAnswer(where: string, what: string, error: unknown): EngineFailed {
  const code = codeOf(error)
  const advice = adviceFor(code)
  return new EngineFailed(`Docker engine at ${where}: ${what}: ${errorText(error)}${advice === '' ? '' : `. ${advice}`}`, { cause: error })
}

/** An answer of another status than asked for. */
export function refused(where: string, what: string, status: number, body: string): EngineFailed {
  const said = messageOf(body)
  const advice = adviceForAnswer(status, said)
  const text = `${status} ${STATUS_CODES[status] ?? ''}`.trim()
  return new EngineFailed(`Docker engine at ${where}: ${what}: ${text}: ${said || 'empty body'}${advice === '' ? '' : `. ${advice}`}`, {
    status,
  })
}

/** Of an error, or of what it was caused by. */
function codeOf(error: unknown): string {
  for (let at = error; at instanceof Error; at = at.cause) if ('code' in at) return String(at.code)
  return ''
}

function adviceFor(code: string): string {
  if (code === 'ENOENT') return 'There is no such socket: is the engine running, its socket mounted here, and CFMR_DOCKER_HOST right?'
  if (code === 'EACCES') return "The worker's user may not open the socket: let it be of the socket's group (docker)"
  if (code === 'ECONNREFUSED') return 'Nobody listens there: is the engine running, and is CFMR_DOCKER_HOST right?'
  if (/CERT|SELF_SIGNED|UNABLE_TO_|ERR_TLS/.test(code))
    return `Its certificate is not trusted (${code}): set CFMR_DOCKER_TLSCA to its authority's`
  if (code === 'EPROTO' || code.startsWith('ERR_SSL'))
    return 'TLS failed: does that port speak TLS, and does it want a client certificate (CFMR_DOCKER_TLSCERT, CFMR_DOCKER_TLSKEY)?'
  return ''
}

function adviceForAnswer(status: number, said: string): string {
  if (status === 400 && said.includes('HTTPS server')) return 'That port speaks TLS: set CFMR_DOCKER_TLSCA'
  if (status === 403) return 'Something between refuses it: a proxy of the socket must allow GET of containers, events, info and _ping'
  return ''
}

function messageOf(body: string): string {
  let said = body
  try {
    const { message } = JSON.parse(body) as { message?: unknown }
    if (typeof message === 'string') said = message
  } catch {
    // Proxies answer in plain text.
  }
  return said.replace(/\s+/g, ' ').trim().slice(0, EXCERPT_CHARACTERS)
}
