import type { Logger } from 'pino'
import { LogStream } from '../../cloud-foundry/log-stream.ts'
import type { InputEnd } from '../end.ts'
import { checkFirehose } from './check.ts'
import { FirehoseInput } from './firehose.ts'
import { type FirehoseSettings, settingsOf, variables } from './variables.ts'

/** Everything that Cloud Foundry's apps send, straight from Loggregator, as V2 envelopes. */
export const firehose: InputEnd<typeof variables> = {
  name: 'firehose',
  title: 'Input: firehose',
  acknowledged: false,
  keepsState: false,
  hasEnvelopes: true,
  needsCloudController: true,
  variables,
  *mistakes({ isSet }, { isApiFile, hasToken }) {
    if (!isApiFile) return
    if (!isSet('CFMR_FIREHOSE_URL')) yield 'CFMR_FIREHOSE_URL: not set, expected the URL of the gateway, since CFMR_CF_API is a file'
    if (!hasToken) yield 'CFMR_CF_TOKEN: not set, expected a token for the gateway, since CFMR_CF_API is a file and no UAA can be asked'
  },
  configure(values, common) {
    const settings = settingsOf(values, common)
    const { cf, limits, ...streams } = settings
    return {
      name: 'firehose',
      settings,
      build: ({ ledger, log, flushNow, keptBytes, envelopes }) => ({
        input: new FirehoseInput({ ...cf, ...streams, ...limits, access: accessOf(settings, log), flushNow, keptBytes, ledger, log }),
        translator: envelopes({ httpPeer: 'server', isFirehose: true }),
      }),
      check: (log, signal) => checkFirehose({ settings, access: accessOf(settings, log) }, signal),
    }
  },
}

function accessOf({ cf, url, timeoutMs }: FirehoseSettings, log: Logger): LogStream {
  return new LogStream({ ...cf, url, timeoutMs, log })
}
