import { pair } from '../../config/ends.ts'
import type { OutputEnd } from '../end.ts'
import { checkSyslog } from './check.ts'
import { FrameEncoder } from './frame-encoder.ts'
import { Syslog } from './syslog.ts'
import { settingsOf, variables } from './variables.ts'

/** They are written one by one. More would only take memory. */
const BATCH_BYTES = 2 ** 20

/** What IPv4 and IPv6 carry in one datagram, with room for their headers. */
const LONGEST_DATAGRAM = 65_000

/** Log lines for a syslog receiver, as Cloud Foundry's own drains send them. */
export const syslog: OutputEnd<typeof variables> = {
  name: 'syslog',
  title: 'Output: syslog',
  variables,
  *mistakes({ values, isSet }) {
    const protocol = values.CFMR_SYSLOG_URL?.protocol
    if (!isSet('CFMR_SYSLOG_URL')) yield 'CFMR_SYSLOG_URL: not set, expected the URL of a syslog receiver'
    if (protocol === 'udp' && (values.CFMR_SYSLOG_MAXBYTES ?? 0) > LONGEST_DATAGRAM)
      yield `CFMR_SYSLOG_MAXBYTES: found ${values.CFMR_SYSLOG_MAXBYTES}, expected at most ${LONGEST_DATAGRAM} over UDP`
    yield* pair(isSet, 'CFMR_SYSLOG_TLSCERT', 'CFMR_SYSLOG_TLSKEY')
    for (const name of ['CFMR_SYSLOG_TLSCA', 'CFMR_SYSLOG_TLSCERT', 'CFMR_SYSLOG_TLSKEY'] as const) {
      if (protocol !== undefined && protocol !== 'tls' && isSet(name))
        yield `${name}: found a value, expected none without a URL that begins with tls://`
    }
  },
  configure(values, common) {
    const settings = settingsOf(values, common)
    const isRelp = settings.address.protocol === 'relp'
    return {
      name: 'syslog',
      settings,
      build: (log) => ({
        output: new Syslog({ ...settings, log }),
        encoder: new FrameEncoder({ ...settings, escapesLf: settings.framing === 'lf' && !isRelp }),
        // One batch at a time: messages keep their order.
        limits: { ...common.batcher, maxBytes: BATCH_BYTES, maxWrites: 1 },
        ack: isRelp ? 'stored' : 'handed over',
        spelling: () => ({ documents: true }),
      }),
      check: (_log, signal) => checkSyslog(settings, signal),
    }
  },
}
