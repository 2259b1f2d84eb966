import { expect, test } from 'vitest'
import { basicAuth } from '../../../src/debug/basic-auth.ts'

const header = (login: string) => `Basic ${Buffer.from(login).toString('base64')}`
const isAllowed = basicAuth('cfmr', 'pä:ss word')

test('takes the right login, with a colon and other letters in the password', () => {
  expect(isAllowed(header('cfmr:pä:ss word'))).toBe(true)
  expect(isAllowed(header('cfmr:pä:ss word').replace('Basic', 'basic'))).toBe(true)
})

test.each([
  undefined,
  '',
  'Basic',
  'Basic ',
  'Basic ====',
  'Bearer cfmr',
  header(''),
  header(':'),
  header('cfmr'),
  header('cfmr:'),
  header(':pä:ss word'),
  header('cfmr:pä:ss wor'),
  header('cfmr:pä:ss wordd'),
  header('CFMR:pä:ss word'),
  header('other:pä:ss word'),
  `Basic ${Buffer.alloc(10_000, 'x').toString('base64')}`,
])('refuses %s', (wrong) => {
  expect(isAllowed(wrong)).toBe(false)
})
