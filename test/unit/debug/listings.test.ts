import { expect, test } from 'vitest'
import { type ListingAnswer, listingReply } from '../../../src/debug/listings.ts'

const rows = [
  { name: 'web-1', image: 'shop/web', lines: 12, why: null },
  { name: 'web-2', image: 'shop/web', lines: 0, why: 'the password hunter2! is wrong' },
  { name: 'db', image: 'postgres', lines: 12, why: null },
]
const listing = { name: 'things', title: 'Things', columns: [{ title: 'Thing', key: 'name' }], empty: 'None.', rows: () => rows }
const redact = (text: string) => text.replaceAll('hunter2!', '***')

function ask(query: string) {
  const { status, body } = listingReply({ listing, instanceIndex: 3, redact }, new URLSearchParams(query))
  return { status, body, answer: status === 200 ? (JSON.parse(body) as ListingAnswer) : undefined }
}
const namesOf = (query: string) => ask(query).answer?.rows.map(({ name }) => name)

test('answers with all rows in their order, who answers, and how many there are', () => {
  expect(ask('').answer).toMatchObject({ instance_index: 3, total: 3, matching: 3 })
  expect(namesOf('')).toEqual(['web-1', 'web-2', 'db'])
})

test('leaves those in whose texts each word is found, in any case, and of them as many as are asked for', () => {
  expect(namesOf('filter=WEB')).toEqual(['web-1', 'web-2'])
  expect(namesOf('filter=web+2')).toEqual(['web-2'])
  expect(namesOf('filter=12')).toEqual([])
  expect(ask('filter=shop&limit=1').answer).toMatchObject({ total: 3, matching: 2, rows: [{ name: 'web-1' }] })
  expect(namesOf('limit=0')).toEqual([])
})

test('shows no secret, though a server may have quoted it', () => {
  expect(ask('filter=web').body).toContain('the password *** is wrong')
  expect(ask('').body).not.toContain('hunter2')
})

test.each(['limit=x', 'limit=-1', 'limit=', 'limit=1e3'])('says of %s what is expected', (query) => {
  expect(ask(query)).toMatchObject({ status: 400, body: expect.stringContaining('expected a whole number') })
})
