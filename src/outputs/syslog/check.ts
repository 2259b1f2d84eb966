import { type Findings, findingsOf } from '../../check/finding.ts'
import { connectSocket } from '../../lib/connect-socket.ts'
import { errorText } from '../../lib/error-text.ts'
import { RelpSession } from './relp.ts'
import { socketOptions } from './syslog.ts'
import type { SyslogSettings } from './variables.ts'

const { ok, warning, failed } = findingsOf('syslog')

/** Whether a connection can be had, and over RELP a session. No message is sent. */
export async function* checkSyslog(settings: SyslogSettings, signal: AbortSignal): Findings {
  const { protocol, host, port } = settings.address
  const place = `${protocol}://${host}:${port}`
  try {
    if (protocol === 'udp') {
      yield warning('connection', `${place}: whether anybody listens cannot be seen over UDP`)
      return
    }
    if (protocol === 'relp') {
      const session = await RelpSession.open(socketOptions(settings), signal)
      await session.close()
      yield ok('session', `${place} opens a RELP session`)
      return
    }
    const socket = await connectSocket(socketOptions(settings), signal)
    socket.destroy()
    yield ok('connection', `${place} takes connections`)
    yield warning('acknowledgement', `${place}: nothing is acknowledged over ${protocol}; relp:// is`)
  } catch (error) {
    yield failed('connection', `${place}: ${errorText(error)}. Look at CFMR_SYSLOG_URL`)
  }
}
