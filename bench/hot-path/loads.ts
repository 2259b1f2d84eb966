import { loadMix } from '../../dev/load/mix.ts'
import { loadV2Mix } from '../../dev/load/v2-mix.ts'
import type { AppMetadata } from '../../src/cloud-foundry/metadata.ts'

export interface Load {
  readonly messages: readonly Buffer[]
  readonly metadata: readonly AppMetadata[]
}

/** Envelopes of the mix; of its own 500 apps unless told otherwise. */
export function mixedLoad(count: number, apps?: number): Load {
  const mix = loadMix({ apps })
  return { messages: Array.from({ length: count }, (_, number) => mix.envelope(number)), metadata: mix.apps }
}

/** The same envelopes in Loggregator V2, as a gateway spells them. */
export function v2Load(count: number): Load {
  const mix = loadV2Mix()
  return { messages: Array.from({ length: count }, (_, number) => mix.envelope(number)), metadata: mix.apps }
}

/** Log messages with payloads of so many bytes. */
export function logLoad(count: number, payloadBytes: number): Load {
  const mix = loadMix()
  const payload = Buffer.alloc(payloadBytes, 'a line of the log of some app, 47 bytes long ').toString('base64')
  const messages: Buffer[] = []
  for (let number = 0; messages.length < count; number++) {
    if (mix.kind(number) !== 'log') continue
    messages.push(
      Buffer.from(
        mix
          .envelope(number)
          .toString()
          .replace(/"message":"[^"]*"/, `"message":"${payload}"`),
      ),
    )
  }
  return { messages, metadata: mix.apps }
}
