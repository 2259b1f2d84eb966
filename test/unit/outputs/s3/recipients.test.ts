import { generateHybridIdentity, generateX25519Identity, identityToRecipient } from 'age-encryption'
import { describe, expect, it } from 'vitest'
import { parseAuditors, parseRecipients } from '../../../../src/outputs/s3/recipients.ts'
import { isX25519Recipient } from '../../../../src/outputs/s3/x25519-recipient.ts'

const recipient = await identityToRecipient(await generateX25519Identity())
const other = await identityToRecipient(await generateX25519Identity())

describe('a recipient', () => {
  it('is every public key that age makes', async () => {
    for (let i = 0; i < 50; i++) expect(isX25519Recipient(await identityToRecipient(await generateX25519Identity()))).toBe(true)
  })

  it('is none with any character changed, or too few, or more', () => {
    for (let at = 4; at < recipient.length; at++) {
      const changed = recipient[at] === 'q' ? 'p' : 'q'
      expect(isX25519Recipient(recipient.slice(0, at) + changed + recipient.slice(at + 1))).toBe(false)
    }
    for (const text of ['', 'age1', recipient.slice(0, -1), `${recipient}q`, recipient.toUpperCase(), ` ${recipient}`]) {
      expect(isX25519Recipient(text)).toBe(false)
    }
  })

  it('is none that Debian’s age cannot encrypt to, nor a point that has no secret', async () => {
    expect(isX25519Recipient(await identityToRecipient(await generateHybridIdentity()))).toBe(false)
    // 32 zero bytes.
    expect(isX25519Recipient('age1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq5cu47z')).toBe(false)
  })
})

describe('recipients', () => {
  const table = parseRecipients(JSON.stringify({ shop: [recipient], 'the-guid': [other], gone: [], '*': [other] }))

  it('are those of the first name that is listed, else those of all others', () => {
    expect(table.of({ names: ['the-guid', 'shop'] })).toEqual([other])
    expect(table.of({ names: ['another-guid', 'shop'] })).toEqual([recipient])
    expect(table.of({ names: ['unknown'] })).toEqual([other])
    expect(table.of({ names: [] })).toEqual([other])
    expect(table).toMatchObject({ tenants: 3, hasDefault: true })
  })

  it('are none for a tenant with an empty list, whatever holds for all others', () => {
    expect(table.of({ names: ['gone'] })).toEqual([])
  })

  it('are none without a default for who is not listed', () => {
    expect(parseRecipients('{}').of({ names: ['constructor', '__proto__'] })).toEqual([])
  })

  it.each([
    ['not JSON', '{"shop": [', 'it is not JSON'],
    ['a list', '[]', 'it is not a JSON object'],
    ['no list of a tenant', JSON.stringify({ shop: recipient }), '"shop" has no list'],
    ['no recipient', JSON.stringify({ shop: [recipient, 'age1x'] }), 'entry 2 of "shop" is no recipient'],
    ['a secret key', JSON.stringify({ shop: ['AGE-SECRET-KEY-1ABC'] }), 'entry 1 of "shop" is a secret key'],
  ])('%s is said, without any key', (_, json, words) => {
    expect(() => parseRecipients(json)).toThrow(words)
    expect(() => parseRecipients(json)).not.toThrow(/1ABC|age1x/)
  })

  it('of auditors are a list', () => {
    expect(parseAuditors(`${recipient}, ${other}`)).toEqual([recipient, other])
    expect(() => parseAuditors(`${recipient},`)).toThrow('entry 2 of the list')
  })
})
