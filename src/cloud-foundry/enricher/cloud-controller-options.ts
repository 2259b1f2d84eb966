import type { Logger } from 'pino'
import { Secrets } from '../../lib/secrets.ts'
import { HttpClient } from './http-client.ts'
import { type Credentials, UaaToken } from './uaa-token.ts'

export interface CloudControllerOptions extends Credentials {
  /** URL of the API, such as https://api.example.org. */
  readonly api: string
  /** For one request. */
  readonly timeoutMs: number
  /** Further tries of one page of the list of all apps. Look-ups are repeated by whoever asks, for as long as it takes. */
  readonly retries: number
  readonly skipSslValidation: boolean
  /** Certificates of authorities, in PEM, in place of Node's own. */
  readonly trusted?: readonly string[] | undefined
  readonly resultsPerPage: number
  /** What must not be seen of what servers answer; it learns the tokens that UAA gives. By default just the login's. */
  readonly secrets?: Secrets
  readonly log: Logger
}

export function httpClientFor({ timeoutMs, skipSslValidation, trusted, secrets, ...login }: CloudControllerOptions): HttpClient {
  const { password = '', clientSecret = '', token = '' } = login
  return new HttpClient({ timeoutMs, skipSslValidation, trusted, secrets: secrets ?? new Secrets([password, clientSecret, token]) })
}

/** `path` of the API root (v2: /v2/info) says where UAA is; `uaaOf` reads it there. It is asked anew for every login. */
export function tokenFor(
  options: CloudControllerOptions,
  http: HttpClient,
  path: string,
  uaaOf: (root: Record<string, unknown>) => unknown,
): UaaToken {
  const api = apiUrl(options)
  return new UaaToken({
    ...options,
    http,
    async discover(signal) {
      const reply = await http.send({ method: 'GET', url: `${api}${path}`, headers: { accept: 'application/json' } }, signal)
      const root = http.json(reply)
      const uaa = typeof root === 'object' && root !== null ? uaaOf(root as Record<string, unknown>) : undefined
      if (typeof uaa !== 'string' || !URL.canParse(uaa)) throw http.unusable(reply, 'the answer does not say where UAA is')
      return uaa.replace(/\/+$/, '')
    },
  })
}

export function apiUrl({ api }: CloudControllerOptions): string {
  return api.replace(/\/+$/, '')
}
