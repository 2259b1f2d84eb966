import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Secrets } from '../../../src/lib/secrets.ts'

const PASSWORD = 'p"ss/wörd & more'
const TOKEN = 'opaque-token-5f1c2a77d0b94e1e9a3c'
const secrets = new Secrets([PASSWORD, TOKEN])

describe('a secret is not seen', () => {
  it.each([
    ['plain', PASSWORD],
    ['escaped for JSON', JSON.stringify(PASSWORD)],
    ['escaped for JSON within JSON', JSON.stringify(JSON.stringify(PASSWORD))],
    ['encoded for a URL', encodeURIComponent(PASSWORD)],
    ['in a form', new URLSearchParams({ password: PASSWORD }).toString()],
    ['in HTML', '<b>p&quot;ss/wörd &amp; more</b>'],
    ['in an Authorization header', `Basic ${Buffer.from(`admin:${PASSWORD}`).toString('base64')}`],
    ['in base64 without the scheme', Buffer.from(`a longer user:${PASSWORD}`).toString('base64')],
    ['in base64 for URLs', Buffer.from(`u:${PASSWORD}`).toString('base64url')],
    ['cut behind its beginning', `the token ${TOKEN.slice(0, 20)}`],
    ['cut before its end', `…${TOKEN.slice(-14)} is not known`],
  ])('%s', (_, text) => {
    const clean = secrets.redact(`before ${text} after`)
    expect(clean).toMatch(/^before .* after$/)
    expect(clean).toContain('***')
    for (const piece of ['ss/w', 'ss%2Fw', 'more', 'opaque-t', 'e9a3c', Buffer.from(PASSWORD).toString('base64').slice(4, 12)])
      expect(clean).not.toContain(piece)
  })

  it('whatever stands before it in base64', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 20 }), fc.string({ minLength: 12, maxLength: 40 }), (user, password) => {
        const header = Buffer.from(`${user}:${password}`).toString('base64')
        const clean = new Secrets([password]).redact(`no login ${header}.`)
        expect(clean).toBe('no login ***.')
      }),
    )
  })

  it('of a login in a URL, nor tokens that look like one, nor what is behind the scheme of a header', () => {
    const text = 'https://admin:hunter2@influx/ eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.abc-_1 eyJhbGciOi authorization: Token abcdef0123'
    expect(new Secrets().redact(text)).toBe('https://***@influx/ *** *** authorization: Token ***')
  })

  it('once a server has given it, until so many others have been given that it is no longer good', () => {
    const learning = new Secrets()
    learning.receive(TOKEN)
    expect(learning.redact(`${TOKEN} and ${JSON.stringify({ TOKEN })}`)).toBe('*** and {"TOKEN":"***"}')
    for (let i = 0; i < 8; i++) learning.receive(`another-token-${i}-abcdef`)
    expect(learning.redact(TOKEN)).toBe(TOKEN)
  })

  it('nor four characters of it where an answer is cut, by the server or by us', () => {
    expect(secrets.excerpt(`the token ${TOKEN.slice(0, 5)}`, 200)).toBe('the token ***')
    expect(secrets.excerpt(`${TOKEN.slice(-4)} is not good`, 200)).toBe('*** is not good')
    for (let length = 1; length < 60; length++) expect(secrets.excerpt(`not ${TOKEN} at all`, length)).not.toMatch(/opaq|uet|5f1c/)
    expect(secrets.excerpt(TOKEN.slice(3, 20), 200)).toBe('***')
  })
})

it('what is no secret stays as it is', () => {
  const text = '{"level":"INFO","time":"2026-11-27T01:18:56.404Z","port":35837,"msg":"HTTP server listens on port 35837"}'
  expect(secrets.redact(text)).toBe(text)
  expect(secrets.excerpt('  nothing\n to see ', 200)).toBe('nothing to see')
  expect(new Secrets(['abc', '']).redact('abc')).toBe('abc')
})
