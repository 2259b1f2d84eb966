import fc from 'fast-check'
import { expect, test } from 'vitest'
import { encodeProtobuf, encodeV2Protobuf } from '../../dev/envelope-protobuf.ts'
import { UNDECODABLE } from '../../src/cloud-foundry/app-event.ts'
import { toJson } from '../support/envelope-arbitrary.ts'
import { rendered } from '../support/render.ts'
import { anyV1, anyV2Spelling, spellV2, toV2, withDeprecatedTags } from '../support/v2-envelopes.ts'

const render = (message: string | Uint8Array) => rendered(Buffer.from(message))

test('a V1 envelope converted to V2 gives the same line and the same document, in JSON however it is spelt', () => {
  fc.assert(
    fc.property(anyV1, anyV2Spelling, fc.boolean(), (v1, spelling, isOld) => {
      const v2 = isOld ? withDeprecatedTags(toV2(v1)) : toV2(v1)
      const text = spellV2(v2, spelling)
      const expected = render(toJson(v1))
      expect(expected.verdict).not.toBe(UNDECODABLE)
      expect(render(text), text).toEqual(expected)
    }),
    { numRuns: 1000 },
  )
})

test('a V1 envelope converted to V2 gives the same line and the same document in protobuf', () => {
  fc.assert(
    fc.property(anyV1, fc.boolean(), (v1, isOld) => {
      const v2 = isOld ? withDeprecatedTags(toV2(v1)) : toV2(v1)
      expect(render(encodeV2Protobuf(v2))).toEqual(render(encodeProtobuf(v1)))
    }),
    { numRuns: 500 },
  )
})
