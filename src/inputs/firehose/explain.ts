import { errorText } from '../../lib/error-text.ts'
import type { GatewayAccess } from './gateway-access.ts'
import type { Cause } from './stream-end.ts'

interface Explanation {
  readonly cause: Cause
  readonly error: string
  readonly needsOperator: boolean
}

/** What an answer means that is no stream of events. The gateway says 404 to all that concerns rights, and the router says it of places that there are not. */
export function explainAnswer(url: string, status: number, text: string, routerError: string | undefined): Explanation {
  const said = `${url} answers ${status}${text === '' ? '' : `: ${text}`}`
  if (routerError !== undefined) {
    const advice = status === 404 ? '. Nothing is at this address: look at CFMR_FIREHOSE_URL' : ''
    return { cause: 'refused', error: `${said} (the router: ${routerError})${advice}`, needsOperator: status === 404 }
  }
  if (status === 404) {
    const advice = 'The gateway says so where UAA does not know the token, or it lacks logs.admin (or doppler.firehose)'
    return { cause: 'not_found', error: `${said}. ${advice}`, needsOperator: true }
  }
  const isOfAnother = status < 400 || status === 400 || status === 405
  const advice = isOfAnother ? '. Is it the gateway (log-stream.…)? Look at CFMR_FIREHOSE_URL' : ''
  return { cause: 'refused', error: `${said}${advice}`, needsOperator: advice !== '' }
}

/** What went wrong with a connection. */
export function explainError(error: unknown, { excerpt }: GatewayAccess): { readonly text: string; readonly needsOperator: boolean } {
  const text = excerpt(errorText(error))
  const code = String((error as { code?: unknown } | undefined)?.code ?? '')
  if (!/CERT|SELF_SIGNED|UNABLE_TO_|ERR_TLS/.test(code)) return { text, needsOperator: false }
  const advice = 'Let Node.js trust its issuer (NODE_EXTRA_CA_CERTS), or set CFMR_CF_SKIPSSLVALIDATION=true'
  return { text: `its certificate is not trusted: ${text} (${code}). ${advice}`, needsOperator: true }
}
