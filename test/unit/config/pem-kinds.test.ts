import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Env, mistakes, read } from './complete.ts'

describe('certificates', () => {
  let folder = ''
  const path = (name: string) => join(folder, name)

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'cfmr-config-'))
    for (const name of ['one', 'two']) {
      const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', path(`${name}.key`)]
      execFileSync('openssl', ['req', '-x509', ...key, '-subj', `/CN=${name}`, '-out', path(`${name}.crt`)], { stdio: 'ignore' })
    }
    execFileSync('openssl', ['pkcs8', '-topk8', '-in', path('one.key'), '-out', path('locked.key'), '-passout', 'pass:hunter2'])
    writeFileSync(path('empty'), '')
  })
  afterAll(() => rmSync(folder, { recursive: true }))

  const tls = (changes: Env) => ({ CFMR_KAFKA_SSL: 'true', ...changes })

  test('are PEM text, PEM text with \\n for line breaks, or a path', () => {
    const pem = readFileSync(path('one.crt'), 'utf8')
    for (const spelling of [pem, pem.trim().replaceAll('\n', '\\n'), path('one.crt')]) {
      expect(read(tls({ CFMR_KAFKA_SSLCA: spelling })).kafka.sslCa?.trim()).toBe(pem.trim())
    }
    expect(read(tls({ CFMR_KAFKA_SSLCERT: path('one.crt'), CFMR_KAFKA_SSLKEY: path('one.key') })).kafka.sslKey).toContain('PRIVATE KEY')
  })

  test('do nothing without TLS, so that is a mistake', () => {
    expect(mistakes({ CFMR_KAFKA_SSLCA: path('one.crt') })).toEqual([expect.stringContaining('CFMR_KAFKA_SSL=true')])
  })

  test.each([
    ['a certificate without its key', { CFMR_KAFKA_SSLCERT: 'one.crt' }, 'CFMR_KAFKA_SSLKEY: not set'],
    ['a key without its certificate', { CFMR_KAFKA_SSLKEY: 'one.key' }, 'CFMR_KAFKA_SSLCERT: not set'],
    ["another certificate's key", { CFMR_KAFKA_SSLCERT: 'one.crt', CFMR_KAFKA_SSLKEY: 'two.key' }, 'CFMR_KAFKA_SSLKEY: found a key'],
    ['a key with a passphrase', { CFMR_KAFKA_SSLCERT: 'one.crt', CFMR_KAFKA_SSLKEY: 'locked.key' }, 'without a passphrase'],
    ['key and certificate swapped', { CFMR_KAFKA_SSLCERT: 'one.crt', CFMR_KAFKA_SSLKEY: 'one.crt' }, 'with a private key'],
    ['an empty file', { CFMR_KAFKA_SSLCA: 'empty' }, 'with a certificate'],
  ])('%s is a mistake', (_, files, expected) => {
    const found = mistakes(tls(Object.fromEntries(Object.entries(files).map(([name, file]) => [name, path(file)]))))
    expect(found).toEqual([expect.stringContaining(expected)])
    expect(found.join()).not.toContain('.key')
  })
})
