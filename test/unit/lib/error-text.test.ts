import { expect, test } from 'vitest'
import { errorText } from '../../../src/lib/error-text.ts'

test('joins the messages of an error and its causes', () => {
  const cause = new Error('certificate has expired')
  expect(errorText(new Error('cannot reach UAA', { cause: new Error('fetch failed', { cause }) }))).toBe(
    'cannot reach UAA: fetch failed: certificate has expired',
  )
})

test('says once what is said twice', () => {
  const cause = new Error('connect ECONNREFUSED 127.0.0.1:1')
  expect(errorText(new Error('no answer: connect ECONNREFUSED 127.0.0.1:1', { cause }))).toBe('no answer: connect ECONNREFUSED 127.0.0.1:1')
})

test('opens an AggregateError, whose own message is often empty', () => {
  const refused = ['::1', '127.0.0.1'].map((address) => new Error(`connect ECONNREFUSED ${address}:80`))
  expect(errorText(new AggregateError(refused))).toBe('connect ECONNREFUSED ::1:80: connect ECONNREFUSED 127.0.0.1:80')
})

test('makes something of errors without a message, of strings, and of nothing', () => {
  expect(errorText(Object.assign(new Error(''), { code: 'ECONNRESET' }))).toBe('ECONNRESET')
  expect(errorText(new RangeError(''))).toBe('RangeError')
  expect(errorText('502 Bad\n Gateway')).toBe('502 Bad Gateway')
  expect(errorText(undefined)).toBe('unknown error')
  expect(errorText('')).toBe('unknown error')
})

test('ends where an error is its own cause', () => {
  const error = new Error('loop')
  error.cause = error
  expect(errorText(error)).toBe('loop')
})
