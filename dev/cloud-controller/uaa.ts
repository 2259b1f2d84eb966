import { randomUUID } from 'node:crypto'

export interface UaaOptions {
  /** Name to password. */
  readonly users?: Readonly<Record<string, string>> | undefined
  /** Name to secret, of clients that may use client_credentials. `cf`, with no secret, always exists: it logs users in. */
  readonly clients?: Readonly<Record<string, string>> | undefined
  readonly accessTokenSeconds?: number | undefined
  readonly refreshTokenSeconds?: number | undefined
  /** What its tokens are good for, with spaces between. */
  readonly scope?: string | undefined
}

export interface Answer {
  readonly status: number
  readonly body: unknown
}

/** Tokens as Cloud Foundry's UAA gives them out: `POST /oauth/token` with the grants password, refresh_token and client_credentials. */
export class Uaa {
  readonly #options: Required<{ [Key in keyof UaaOptions]: NonNullable<UaaOptions[Key]> }>
  readonly #accessTokens = new Map<string, number>()
  readonly #refreshTokens = new Map<string, number>()
  /** Grants that were asked for, in order, each with whether it was given. */
  readonly grants: { readonly grant: string; readonly isGiven: boolean; readonly atMs: number }[] = []

  constructor({ users, clients, accessTokenSeconds, refreshTokenSeconds, scope }: UaaOptions) {
    this.#options = {
      users: users ?? { admin: 'admin' },
      clients: clients ?? { refinery: 'refinery-secret' },
      accessTokenSeconds: accessTokenSeconds ?? 600,
      refreshTokenSeconds: refreshTokenSeconds ?? 2_592_000,
      scope: scope ?? SCOPE,
    }
  }

  /** `authorization` is the header that names the client. */
  grant(authorization: string, form: URLSearchParams): Answer {
    const type = form.get('grant_type') ?? ''
    const answer = this.#grant(authorization, form, type)
    this.grants.push({ grant: type, isGiven: answer.status === 200, atMs: Date.now() })
    return answer
  }

  accepts(authorization: string | undefined): boolean {
    const token = /^bearer (.+)$/i.exec(authorization ?? '')?.[1]
    return token !== undefined && (this.#accessTokens.get(token) ?? 0) > Date.now()
  }

  /** Whether the token is good, and for reading the firehose: what `check_token` tells the gateway. */
  readonly readsFirehose = (token: string): boolean => {
    const scopes = this.#options.scope.split(' ')
    return this.accepts(`bearer ${token}`) && (scopes.includes('logs.admin') || scopes.includes('doppler.firehose'))
  }

  /** A token as `cf oauth-token` would print it, without its type. */
  issue(): string {
    return this.#issue(this.#accessTokens, this.#options.accessTokenSeconds)
  }

  revokeAccessTokens(): void {
    this.#accessTokens.clear()
  }

  revokeRefreshTokens(): void {
    this.#refreshTokens.clear()
  }

  #grant(authorization: string, form: URLSearchParams, type: string): Answer {
    const { users, clients } = this.#options
    const basic = Buffer.from(authorization.replace(/^Basic /i, ''), 'base64').toString()
    const name = basic.slice(0, basic.indexOf(':'))
    const secrets: Readonly<Record<string, string>> = { ...clients, cf: '' }
    if (basic !== `${name}:${secrets[name] ?? '\0'}`) return refusal('invalid_client', 'Bad credentials')
    if (type === 'client_credentials') return name === 'cf' ? refusal('unauthorized_client', 'Unauthorized grant type') : this.#given(false)
    if (type === 'password') {
      const password = users[form.get('username') ?? '']
      return password !== undefined && password === form.get('password') ? this.#given(true) : refusal('unauthorized', 'Bad credentials')
    }
    if (type !== 'refresh_token')
      return { status: 400, body: { error: 'unsupported_grant_type', error_description: `Unsupported: ${type}` } }
    const token = form.get('refresh_token') ?? ''
    if ((this.#refreshTokens.get(token) ?? 0) <= Date.now())
      return refusal('invalid_token', 'The token expired, was revoked, or is unknown')
    return this.#given(true)
  }

  #given(isRefreshable: boolean): Answer {
    const { accessTokenSeconds, refreshTokenSeconds, scope } = this.#options
    const grant = { access_token: this.issue(), token_type: 'bearer', expires_in: Math.ceil(accessTokenSeconds), scope }
    if (!isRefreshable) return { status: 200, body: grant }
    return { status: 200, body: { ...grant, refresh_token: this.#issue(this.#refreshTokens, refreshTokenSeconds) } }
  }

  /** Shaped as a JWT, so that its claims can be read; the signature is anything. */
  #issue(tokens: Map<string, number>, lifeSeconds: number): string {
    const expiresAtMs = Date.now() + 1000 * lifeSeconds
    const claims = { jti: randomUUID(), scope: this.#options.scope.split(' '), exp: Math.floor(expiresAtMs / 1000) }
    const token = [{ alg: 'none' }, claims, {}].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')
    tokens.set(token, expiresAtMs)
    return token
  }
}

const SCOPE = 'cloud_controller.read cloud_controller.global_auditor logs.admin'

function refusal(error: string, error_description: string): Answer {
  return { status: 401, body: { error, error_description } }
}
