import { isUtf8 } from 'node:buffer'
import { App } from '../../src/cloud-foundry/app.ts'
import { AppEvent, UNDECODABLE, UNSURE } from '../../src/cloud-foundry/app-event.ts'
import { decodeExactJson } from '../../src/cloud-foundry/decode/exact-json.ts'
import { decodeFastJson } from '../../src/cloud-foundry/decode/fast-json.ts'
import { forget } from '../../src/cloud-foundry/decode/json-text.ts'
import { decodeFastV2Json } from '../../src/cloud-foundry/decode/v2/fast-json.ts'
import { decodeExactV2Json } from '../../src/cloud-foundry/decode/v2/json.ts'
import { isV2Json } from '../../src/cloud-foundry/decode/v2/shape.ts'
import { parseLine } from '../../test/support/line-protocol.ts'
import { type Refined, Refiner } from '../../test/support/refine.ts'
import { type Rendered, rendered } from '../../test/support/render.ts'
import { editedEnvelope, editedV2Envelope, mutatedMessage } from './mutations.ts'
import { Random } from './random.ts'

export type Counts = Record<string, number>

const HOSTILE = { app: 'a,b=c d\\', space: '\n', space_guid: 's', org: '日本', org_guid: 'o' }
const APPS_KEPT = 1000
const apps = new Map<string, App>()

/** Every app exists, under a name that wants to break out. */
const refiner = new Refiner((guid) => {
  const known = apps.get(guid)
  if (known !== undefined) return known
  if (apps.size === APPS_KEPT) apps.clear()
  const app = App.of(guid, { ...HOSTILE, app_guid: guid }, 0)
  apps.set(guid, app)
  return app
})
const event = new AppEvent()

/**
 * Takes `count` spoilt messages through decoder and encoder, and counts the outcomes: each has exactly one, nothing throws, and
 * every line keeps to the grammar. Throws with the message in hex otherwise.
 */
export function tryMutations(seed: number, count: number): Counts {
  const random = new Random(seed)
  return tally(count, () => {
    const message = mutatedMessage(random)
    return explained(message, () => {
      const refined = refiner.refine(message)
      if (refined.outcome === 'point') parseLine(refined.line)
      if ('reason' in refined && refined.reason === '') throw new Error('no reason given')
      return refined.outcome
    })
  })
}

/** Takes `count` edited envelopes through both JSON decoders: where the fast one is sure, it says what the exact one says. */
export function tryDifferences(seed: number, count: number): Counts {
  const random = new Random(seed)
  return tally(count, () => {
    const message = editedEnvelope(random)
    return explained(message, () => {
      forget()
      if (decodeFastJson(message, event) === UNSURE) return 'left to the exact decoder'
      const fast = resultOf(refiner.refineWith(decodeFastJson, message))
      const exact = decodeExactJson(message, event) === UNDECODABLE ? 'undecodable' : resultOf(refiner.refineWith(decodeExactJson, message))
      if (fast !== exact) throw new Error(`the fast decoder says ${fast}, the exact one ${exact}`)
      return 'sure and right'
    })
  })
}

/** The same with envelopes of Loggregator V2, and their documents, too. */
export function tryV2Differences(seed: number, count: number): Counts {
  const random = new Random(seed)
  return tally(count, () => {
    const message = editedV2Envelope(random)
    return explained(message, () => {
      forget()
      if (decodeFastV2Json(message, event) === UNSURE) return 'left to the exact decoder'
      if (!isV2Json(message)) throw new Error('the fast decoder takes for V2 what is V1')
      forget()
      const fast = comparable(rendered(message, decodeFastV2Json), message)
      const exact = comparable(rendered(message, decodeExactV2Json), message)
      if (fast !== exact) throw new Error(`the fast decoder says ${fast}, the exact one ${exact}`)
      return 'sure and right'
    })
  })
}

/** Of bytes that are no UTF-8 each document may make as many U+FFFD as it likes. */
function comparable({ document, ...rest }: Rendered, message: Buffer): string {
  return JSON.stringify(isUtf8(message) ? { document, ...rest } : rest)
}

function resultOf(refined: Refined): string {
  return refined.outcome === 'point' ? refined.line : JSON.stringify(refined)
}

function tally(count: number, trial: () => string): Counts {
  const counts: Counts = {}
  for (let i = 0; i < count; i++) {
    const outcome = trial()
    counts[outcome] = (counts[outcome] ?? 0) + 1
  }
  return counts
}

function explained(message: Buffer, trial: () => string): string {
  try {
    return trial()
  } catch (error) {
    throw new Error(`${(error as Error).message}; the message in hex: ${message.toString('hex')}`, { cause: error })
  }
}
