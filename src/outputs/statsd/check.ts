import { type Findings, findingsOf } from '../../check/finding.ts'
import { connectSocket } from '../../lib/connect-socket.ts'
import { errorText } from '../../lib/error-text.ts'
import type { StatsdSettings } from './variables.ts'

const { ok, warning, failed } = findingsOf('statsd')

/** Whether a connection can be had, over TCP. No metric is sent. */
export async function* checkStatsd({ address, timeoutMs }: StatsdSettings, signal: AbortSignal): Findings {
  const { protocol, host, port } = address
  const place = `${protocol}://${host}:${port}`
  if (protocol === 'udp') {
    yield warning('connection', `${place}: whether anybody listens cannot be seen over UDP`)
    return
  }
  try {
    const socket = await connectSocket({ host, port, timeoutMs }, signal)
    socket.destroy()
    yield ok('connection', `${place} takes connections`)
  } catch (error) {
    yield failed('connection', `${place}: ${errorText(error)}. Look at CFMR_STATSD_ADDR`)
  }
}
