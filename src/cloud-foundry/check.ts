import { counted, type Finding, type Findings, findingsOf } from '../check/finding.ts'
import type { Config } from '../config/config.ts'
import { errorText } from '../lib/error-text.ts'
import { type CloudControllerOptions, httpClientFor } from './enricher/cloud-controller-options.ts'
import type { HttpClient, HttpReply } from './enricher/http-client.ts'
import { UaaToken } from './enricher/uaa-token.ts'
import type { MetadataSource } from './metadata.ts'

const { ok, warning, failed } = findingsOf('cf')

export interface CheckCloudFoundryOptions {
  readonly config: Config['cf']
  readonly options: CloudControllerOptions
  /** As the worker asks it. */
  readonly source: MetadataSource
}

/** The API, the login, and how many apps the account sees. */
export async function* checkCloudFoundry({ config, options, source }: CheckCloudFoundryOptions, signal: AbortSignal): Findings {
  if (config.file !== undefined) yield* checkApps(source, `the file ${config.file} lists`, signal)
  else {
    const http = httpClientFor(options)
    try {
      const uaa = yield* checkApi(config, http, signal)
      if (uaa !== undefined && (yield* checkLogin(options, http, uaa, signal))) yield* checkApps(source, 'the account sees', signal)
    } finally {
      await http.close()
    }
  }
}

interface Root {
  readonly links?: Readonly<Record<string, { readonly href?: string; readonly meta?: { readonly version?: string } } | null>>
  readonly api_version?: string
  readonly token_endpoint?: string
  readonly authorization_endpoint?: string
}

/** Returns where UAA is. */
async function* checkApi(
  { api, apiVersion }: Config['cf'],
  http: HttpClient,
  signal: AbortSignal,
): AsyncGenerator<Finding, string | undefined> {
  try {
    const path = apiVersion === 'v2' ? '/v2/info' : '/'
    const get = (path: string) => http.send({ method: 'GET', url: api + path, headers: { accept: 'application/json' } }, signal)
    const reply = await get(path)
    if (apiVersion === 'v2' && isUnknownPath(reply) && hasV3(await get('/'))) {
      yield failed('api', `${api} has no API v2 any more (${path} answers 404), but v3: set CFMR_CF_APIVERSION=v3`)
      return undefined
    }
    const { links, api_version, token_endpoint, authorization_endpoint } = http.json(reply) as Root
    const version = apiVersion === 'v2' ? api_version : links?.['cloud_controller_v3']?.meta?.version
    const uaa = apiVersion === 'v2' ? (token_endpoint ?? authorization_endpoint) : (links?.['uaa']?.href ?? links?.['login']?.href)
    if (uaa === undefined || (apiVersion === 'v3' && links?.['cloud_controller_v3'] === undefined)) {
      yield failed(
        'api',
        `${api}${path} does not say what a Cloud Controller with API ${apiVersion} says: look at CFMR_CF_API and CFMR_CF_APIVERSION`,
      )
      return undefined
    }
    const v2 = apiVersion === 'v3' && !links?.['cloud_controller_v2'] ? '; its API v2 is switched off, as is usual now' : ''
    yield ok('api', `Cloud Controller answers at ${api}: API ${apiVersion}, version ${version ?? 'unknown'}${v2}`, {
      version: version ?? 'unknown',
    })
    return uaa
  } catch (error) {
    const text = errorText(error)
    yield failed('api', text.includes('CFMR_') ? text : `${text}. Look at CFMR_CF_API`)
    return undefined
  }
}

/** Where v2 is only switched off, the answer says so itself. */
const isUnknownPath = ({ status, text }: HttpReply) => status === 404 && !text.includes('V2 endpoints disabled')

function hasV3({ status, text }: HttpReply): boolean {
  try {
    return status === 200 && Boolean((JSON.parse(text) as Root).links?.['cloud_controller_v3'])
  } catch {
    return false
  }
}

/** Those that see every app. */
const SCOPES = ['cloud_controller.global_auditor', 'cloud_controller.admin_read_only', 'cloud_controller.admin']

async function* checkLogin(
  options: CloudControllerOptions,
  http: HttpClient,
  uaa: string,
  signal: AbortSignal,
): AsyncGenerator<Finding, boolean> {
  try {
    const { access_token } = await new UaaToken({ ...options, http, discover: async () => uaa }).get(signal)
    const { scope, exp } = claimsOf(access_token)
    const who = options.token !== undefined ? 'CFMR_CF_TOKEN' : (options.user ?? options.clientId ?? 'cf')
    const isOver = options.token !== undefined && exp !== undefined && exp * 1000 < Date.now()
    if (isOver) {
      yield failed(
        'login',
        `the token of CFMR_CF_TOKEN expired at ${new Date(exp * 1000).toISOString()}: set a fresh one, or a login that renews itself`,
      )
      return false
    }
    yield ok(
      'login',
      options.token !== undefined ? 'a ready token is used (CFMR_CF_TOKEN); nothing renews it' : `UAA at ${uaa} lets ${who} in`,
    )
    if (scope !== undefined && !SCOPES.some((known) => scope.includes(known))) {
      const cure = `give ${who} one of ${SCOPES.slice(0, 2).join(', ')}`
      yield warning(
        'role',
        `the account sees only spaces it has a role in, and what other apps send would be discarded as not found: ${cure}`,
      )
    }
    return true
  } catch (error) {
    yield failed('login', errorText(error))
    return false
  }
}

async function* checkApps(source: MetadataSource, who: string, signal: AbortSignal): Findings {
  let apps = 0
  try {
    for await (const page of source.listApps(signal)) apps += page.length
  } catch (error) {
    const rest = apps === 0 ? '' : ` after ${counted(apps, 'app')}`
    yield failed('apps', `the list of all apps broke off${rest}: ${errorText(error)}`, { apps })
    return
  }
  if (apps > 0) yield ok('apps', `${who} ${counted(apps, 'app')}`, { apps })
  else
    yield failed(
      'apps',
      `${who} no app at all. An account without a role gets an empty list: give it cloud_controller.global_auditor or cloud_controller.admin_read_only`,
      { apps },
    )
}

interface Claims {
  readonly scope?: readonly string[]
  /** Seconds since 1970. */
  readonly exp?: number
}

/** What a JWT says of itself; nothing of a token that is none. */
function claimsOf(token: string): Claims {
  try {
    const { scope, exp } = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())
    return { ...(Array.isArray(scope) && { scope }), ...(typeof exp === 'number' && { exp }) }
  } catch {
    return {}
  }
}
