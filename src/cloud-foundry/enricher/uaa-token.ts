import { steadyNowMs } from '../../lib/steady-clock.ts'
import type { HttpClient, HttpReply } from './http-client.ts'
import { RequestFailed } from './request-failed.ts'

/** Accounts get locked by wrong passwords, so UAA is not asked again sooner. */
const REFUSED_LOGIN_PAUSE_MS = 60_000
const MAX_RENEWAL_MARGIN_MS = 60_000

/** As UAA and cf-nodejs-client spell it. */
export interface Token {
  readonly token_type: string
  readonly access_token: string
}

/** One of: `token`; `user` and `password` (by the client `cf` unless `clientId` is given); `clientId` and `clientSecret` alone. */
export interface Credentials {
  readonly user?: string | undefined
  readonly password?: string | undefined
  readonly clientId?: string | undefined
  readonly clientSecret?: string | undefined
  readonly token?: string | undefined
}

export interface UaaTokenOptions extends Credentials {
  readonly http: HttpClient
  /** Finds the URL of UAA. */
  readonly discover: (signal: AbortSignal) => Promise<string>
}

interface Grant {
  readonly access_token: string
  readonly token_type?: string
  readonly refresh_token?: string
  readonly expires_in?: number
}

/**
 * A bearer token that is renewed before it expires, by its refresh token where there is one, else by a new login. Sources: UAA's
 * API documentation (`POST /oauth/token`), RFC 6749.
 */
export class UaaToken {
  readonly #options: UaaTokenOptions
  #token: Token | undefined
  #refreshToken: string | undefined
  #isFromRefresh = false
  #renewAtMs = 0
  #expiresAtMs = 0
  #renewal: Promise<Token> | undefined
  #refusal: { readonly error: RequestFailed; readonly untilMs: number } | undefined

  constructor(options: UaaTokenOptions) {
    this.#options = options
  }

  /** A token that is good now, as far as is known. Rejects with RequestFailed. */
  async get(signal: AbortSignal): Promise<Token> {
    const { token } = this.#options
    if (token !== undefined) return { token_type: 'bearer', access_token: token.trim().replace(/^bearer\s+/i, '') }
    if (this.#token !== undefined && steadyNowMs() < this.#renewAtMs) return this.#token
    this.#renewal ??= this.#renew(signal).finally(() => {
      this.#renewal = undefined
    })
    return this.#renewal
  }

  /** Another token than `refused`, which got a 401; undefined where there can be none. One renewal serves all who ask for it. */
  async replace(refused: Token, signal: AbortSignal): Promise<Token | undefined> {
    if (this.#options.token !== undefined) return undefined
    if (this.#token?.access_token === refused.access_token) {
      this.#token = undefined
      // What a refresh token brought was refused: a full login is what remains.
      if (this.#isFromRefresh) this.#refreshToken = undefined
    }
    return this.get(signal)
  }

  async #renew(signal: AbortSignal): Promise<Token> {
    if (this.#refreshToken === undefined) return await this.#login(signal)
    try {
      return await this.#request({ grant_type: 'refresh_token', refresh_token: this.#refreshToken }, signal)
    } catch (error) {
      if (isRefusal(error)) {
        this.#refreshToken = undefined
        return await this.#login(signal)
      }
      if (this.#token !== undefined && steadyNowMs() < this.#expiresAtMs) return this.#token
      throw error
    }
  }

  async #login(signal: AbortSignal): Promise<Token> {
    const waitMs = (this.#refusal?.untilMs ?? 0) - steadyNowMs()
    if (this.#refusal !== undefined && waitMs > 0) {
      throw new RequestFailed(this.#refusal.error.message, { cause: this.#refusal.error, retryAfterMs: waitMs, needsOperator: true })
    }
    const { user, password = '' } = this.#options
    const grant = user === undefined ? { grant_type: 'client_credentials' } : { grant_type: 'password', username: user, password }
    try {
      return await this.#request(grant, signal)
    } catch (error) {
      if (!isRefusal(error)) throw error
      const who = user === undefined ? 'CFMR_CF_CLIENTID and CFMR_CF_CLIENTSECRET' : 'CFMR_CF_USER and CFMR_CF_PASSWORD'
      const refusal = new RequestFailed(`UAA refuses the login: ${error.message}. Look at ${who}`, {
        cause: error,
        retryAfterMs: REFUSED_LOGIN_PAUSE_MS,
        needsOperator: true,
      })
      this.#refusal = { error: refusal, untilMs: steadyNowMs() + REFUSED_LOGIN_PAUSE_MS }
      throw refusal
    }
  }

  async #request(form: Record<string, string>, signal: AbortSignal): Promise<Token> {
    const { http, discover, clientId = 'cf', clientSecret = '' } = this.#options
    const uaa = await discover(signal)
    const client = Buffer.from(`${clientId}:${clientSecret}`).toString('base64')
    const reply = await http.send(
      {
        method: 'POST',
        url: `${uaa}/oauth/token`,
        headers: { authorization: `Basic ${client}`, accept: 'application/json', 'content-type': 'application/x-www-form-urlencoded' },
        body: new URLSearchParams(form).toString(),
      },
      signal,
    )
    return this.#keep(readGrant(http, reply), form['grant_type'] === 'refresh_token')
  }

  #keep({ access_token, token_type = 'bearer', refresh_token, expires_in }: Grant, isFromRefresh: boolean): Token {
    const { http } = this.#options
    const lifeMs = expires_in === undefined ? Number.POSITIVE_INFINITY : expires_in * 1000
    this.#renewAtMs = steadyNowMs() + lifeMs - Math.min(MAX_RENEWAL_MARGIN_MS, lifeMs / 5)
    this.#expiresAtMs = steadyNowMs() + lifeMs
    this.#refreshToken = refresh_token ?? (isFromRefresh ? this.#refreshToken : undefined)
    this.#isFromRefresh = isFromRefresh
    this.#refusal = undefined
    for (const secret of [access_token, refresh_token]) if (secret !== undefined) http.secrets.receive(secret)
    this.#token = { token_type, access_token }
    return this.#token
  }
}

/** UAA knows what was asked and says no; asking again changes nothing. */
function isRefusal(error: unknown): error is RequestFailed {
  return error instanceof RequestFailed && (error.status === 400 || error.status === 401 || error.status === 403)
}

function readGrant(http: HttpClient, reply: HttpReply): Grant {
  // Nothing of the body may get into an error: it may hold a token.
  if (reply.status !== 200) throw http.refused(reply)
  let grant: Partial<Record<keyof Grant, unknown>>
  try {
    grant = JSON.parse(reply.text)
  } catch {
    throw http.unusable(reply, 'UAA answers 200, but not in JSON')
  }
  const { access_token, token_type, refresh_token, expires_in } = grant ?? {}
  if (typeof access_token !== 'string' || access_token === '') throw http.unusable(reply, 'UAA answers without an access_token')
  return {
    access_token,
    ...(typeof token_type === 'string' && { token_type }),
    ...(typeof refresh_token === 'string' && refresh_token !== '' && { refresh_token }),
    ...(typeof expires_in === 'number' && { expires_in }),
  }
}
