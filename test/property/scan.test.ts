import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { endOfAscii, endOfBase64, endOfDigits, endOfText, memory } from '../../src/cloud-foundry/decode/scan.ts'

const bytes = Buffer.from(memory)

const isText = (byte: number) => byte >= 0x20 && byte !== 0x22 && byte !== 0x5c
const scans = [
  { name: 'the text of a JSON string', endOf: endOfText, isOfKind: isText },
  { name: 'the same in ASCII', endOf: endOfAscii, isOfKind: (byte: number) => isText(byte) && byte < 0x80 },
  { name: 'digits of base64', endOf: endOfBase64, isOfKind: (byte: number) => /[A-Za-z0-9+/]/.test(String.fromCharCode(byte)) },
  { name: 'decimal digits', endOf: endOfDigits, isOfKind: (byte: number) => byte >= 0x30 && byte <= 0x39 },
]

describe.each(scans)('the end of $name', ({ endOf, isOfKind }) => {
  const all = Array.from({ length: 256 }, (_, byte) => byte)
  const ofKind = all.filter(isOfKind)

  it('is at the first byte that is not of it, whatever comes before, behind and next to it', () => {
    const around = fc.array(fc.constantFrom(...ofKind), { maxLength: 70 })
    fc.assert(
      fc.property(fc.nat(40), around, fc.nat(255), fc.array(fc.nat(255), { maxLength: 20 }), (start, before, next, behind) => {
        bytes.set([...before, next, ...behind, 0], start)
        let expected = start
        while (isOfKind(bytes[expected] as number)) expected++
        expect(endOf(start)).toBe(expected)
      }),
      { numRuns: 2000 },
    )
  })

  it('is where each single byte says, at each place of a word', () => {
    for (let place = 0; place < 16; place++) {
      for (const byte of all) {
        bytes.fill(ofKind[byte % ofKind.length] as number, 64, 96)
        bytes[64 + place] = byte
        bytes[96] = 0
        expect(endOf(64), `byte ${byte} at place ${place}`).toBe(isOfKind(byte) ? 96 : 64 + place)
      }
    }
  })

  it('is found in the last bytes of the memory', () => {
    const end = bytes.length - 16
    bytes.fill(ofKind[0] as number, end - 20, end)
    bytes[end] = 0
    expect(endOf(end - 20)).toBe(end)
  })
})
