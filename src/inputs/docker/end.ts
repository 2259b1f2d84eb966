import { pair } from '../../config/ends.ts'
import { shown } from '../../config/shown.ts'
import type { InputEnd } from '../end.ts'
import { checkDocker } from './check.ts'
import { DockerInput } from './docker.ts'
import { parseEngineAddress } from './engine/address.ts'
import { Engine } from './engine/engine.ts'
import { ownContainer } from './inventory/own-container.ts'
import { DockerTranslator } from './translator.ts'
import { DEFAULT_HOST, HOST_EXPECTED, settingsOf, variables } from './variables.ts'

/** Logs, usage and events of the containers of one Docker engine. */
export const docker: InputEnd<typeof variables> = {
  name: 'docker',
  title: 'Input: docker',
  // Logs are, with CFMR_STATE; what else there is cannot be read again.
  acknowledged: false,
  keepsState: true,
  hasEnvelopes: false,
  needsCloudController: false,
  variables,
  *mistakes({ values, isSet }, { dockerHost = DEFAULT_HOST }) {
    yield* pair(isSet, 'CFMR_DOCKER_TLSCERT', 'CFMR_DOCKER_TLSKEY')
    for (const name of ['CFMR_DOCKER_TLSCA', 'CFMR_DOCKER_TLSCERT', 'CFMR_DOCKER_TLSKEY'] as const) {
      if (isSet(name) && (values.CFMR_DOCKER_HOST ?? dockerHost).startsWith('unix://'))
        yield `${name}: found a value, expected none with a socket`
    }
    if (!isSet('CFMR_DOCKER_HOST') && parseEngineAddress(dockerHost, false) === undefined)
      yield `DOCKER_HOST: found ${shown(dockerHost)}, expected ${HOST_EXPECTED}; CFMR_DOCKER_HOST stands above it`
  },
  configure(values, common) {
    const settings = settingsOf(values, common)
    return {
      name: 'docker',
      settings,
      build: ({ ledger, log, flushNow, keptBytes, spelling, counts }) => {
        const engine = new Engine(settings)
        const input = new DockerInput({ ...settings, engine, isOwn: ownContainer(), flushNow, keptBytes, ledger, log })
        return { input, translator: new DockerTranslator({ describe: (container) => input.describe(container), spelling, counts }) }
      },
      check: (_log, signal) => checkDocker(settings, signal),
    }
  },
}
