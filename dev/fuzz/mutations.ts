import { goldenMessages } from '../../test/support/golden.ts'
import { encodeProtobuf, encodeV2Protobuf, parseEnvelope } from '../envelope-protobuf.ts'
import { loadMix } from '../load/mix.ts'
import { loadV2Mix } from '../load/v2-mix.ts'
import { editByte, splice } from './byte-edits.ts'
import { JsonMutator } from './json-mutator.ts'
import type { Random } from './random.ts'

/** Of the mix, this many; of larger golden cases none: what is spoilt should matter. */
const MIX_SAMPLES = 300
const MAX_SAMPLE_BYTES = 2000

const mix = loadMix()
const mixEnvelopes = Array.from({ length: MIX_SAMPLES }, (_, number) => mix.envelope(number))
/** As two builds of the gateway spell V2, and another producer. */
const v2Envelopes = [
  undefined,
  { camelCase: false, numbers: false, zeros: true, comma: ' ', colon: '' },
  { camelCase: true, numbers: true, zeros: false, comma: '', colon: '' },
].flatMap((spelling) => {
  const v2 = loadV2Mix({}, spelling)
  return Array.from({ length: MIX_SAMPLES }, (_, number) => v2.envelope(number))
})
/** What is discarded whatever it says. */
const v2Discards = ['"counter":{"name":"dropped","delta":"12","total":"18446744073709551615"}', '"event":{"title":"a","body":"日本"}'].map(
  (message) =>
    Buffer.from(
      `{"timestamp":"1700000000000000000","source_id":"doppler","instance_id":"a","deprecated_tags":{},"tags":{"job":"doppler"},${message}}`,
    ),
)
const golden = goldenMessages.filter(({ message }) => message.length > 2 && message.length <= MAX_SAMPLE_BYTES)

const jsonMutators = [
  ...mixEnvelopes,
  ...v2Envelopes,
  ...v2Discards,
  ...golden.filter(({ name }) => !name.endsWith('protobuf')).map(({ message }) => message),
].map((message) => new JsonMutator(message))
const protobufSamples = [
  ...mixEnvelopes.map((envelope) => encodeProtobuf(parseEnvelope(envelope.toString()))),
  ...v2Envelopes.slice(0, MIX_SAMPLES).map((envelope) => encodeV2Protobuf(JSON.parse(envelope.toString()))),
  ...golden.filter(({ name }) => name.endsWith('protobuf')).map(({ message }) => message),
]

/** An envelope of the mix or of the golden cases, in JSON or protobuf, spoilt in one to three places. */
export function mutatedMessage(random: Random): Buffer {
  return random.below(2) === 0 ? random.pick(jsonMutators).mutate(random) : mutatedProtobuf(random)
}

/** A producer's own JSON with one or two bytes changed: what a decoder that skips checks gets wrong. */
export function editedEnvelope(random: Random): Buffer {
  return edited(mixEnvelopes, random)
}

/** The same of V2. */
export function editedV2Envelope(random: Random): Buffer {
  return edited(random.below(10) === 0 ? v2Discards : v2Envelopes, random)
}

function edited(envelopes: readonly Buffer[], random: Random): Buffer {
  const once = editByte(random.pick(envelopes), random)
  return random.below(2) === 0 ? once : editByte(once, random)
}

function mutatedProtobuf(random: Random): Buffer {
  const sample = random.pick(protobufSamples)
  switch (random.below(4)) {
    case 0:
      return sample.subarray(0, random.below(sample.length))
    case 1:
      return Buffer.concat([sample, random.pick(protobufSamples)])
    case 2: {
      const at = random.below(sample.length)
      return splice(sample, at, at, random.pick(protobufSamples).subarray(0, random.below(20)))
    }
    default:
      return editByte(random.below(2) === 0 ? sample : editByte(sample, random), random)
  }
}
