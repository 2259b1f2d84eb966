import { describe, expect, it } from 'vitest'
import { readS3Access } from '../../../../src/config/s3-access.ts'
import { mistakes, read } from '../../config/complete.ts'

const S3 = { CFMR_OUTPUT: 's3', CFMR_INFLUXDB_ADDR: '', CFMR_INFLUXDB_DATABASE: '', CFMR_S3_BUCKET: 'logs' }
const KEY = 'AGE-SECRET-KEY-1QQQQQQQQQQQQQQQQQQQ'

it('a bucket is all that it needs', () => {
  expect(read(S3).outputs).toMatchObject([{ name: 's3', settings: { bucket: 'logs', prefix: '', tenant: 'org', objectAgeMs: 60_000 } }])
  expect(read({ ...S3, CFMR_S3_PREFIX: '/a/b=c/' }).outputs).toMatchObject([{ settings: { prefix: 'a/b=c/' } }])
})

describe('mistakes', () => {
  it.each([
    [{ CFMR_S3_BUCKET: '' }, 'CFMR_S3_BUCKET: not set'],
    [{ CFMR_S3_BUCKET: 's3://logs' }, 'CFMR_S3_BUCKET: found "s3://logs"'],
    [{ CFMR_S3_ACCESSKEYID: 'a' }, 'CFMR_S3_SECRETACCESSKEY: not set'],
    [{ CFMR_S3_PREFIX: 'a//b' }, 'CFMR_S3_PREFIX: found "a//b"'],
    [{ CFMR_S3_RECIPIENTS: '/no/such/file' }, 'CFMR_S3_RECIPIENTS: found "/no/such/file", expected a JSON object of tenants'],
    [{ CFMR_S3_RECIPIENTS: '{"shop":["age1"]}' }, 'entry 1 of "shop" is no recipient'],
    [{ CFMR_S3_RECIPIENTS: '{"shop":[]}', CFMR_S3_TENANT: 'none' }, 'CFMR_S3_RECIPIENTS: found no "*"'],
    [{ CFMR_S3_ENDPOINT: 'http://127.0.0.1:9000', CFMR_S3_PATHSTYLE: 'false' }, 'CFMR_S3_PATHSTYLE: found false'],
    [{ CFMR_S3_AUDITORS: 'age1' }, 'CFMR_S3_AUDITORS: found "age1", expected recipients of age'],
  ])('%j', (changes, words) => {
    expect(mistakes({ ...S3, ...changes })).toEqual([expect.stringContaining(words)])
  })

  it.each(['CFMR_S3_RECIPIENTS', 'CFMR_S3_AUDITORS'])('a secret key in %s is not shown', (name) => {
    const text = name === 'CFMR_S3_AUDITORS' ? KEY : JSON.stringify({ shop: [KEY] })
    const [mistake = ''] = mistakes({ ...S3, [name]: text })
    expect(mistake).toContain('is a secret key')
    expect(mistake).not.toContain('QQQQ')
  })
})

it('decrypt needs of a configuration what reaches a bucket, and minds no other', () => {
  expect(readS3Access({ CFMR_S3_REGION: 'eu-central-1', CFMR_KAFKA_BROKERS: 'no broker', CFMR_OTHER: 'x' })).toMatchObject({
    region: 'eu-central-1',
  })
  expect(() => readS3Access({ CFMR_S3_ACCESSKEYID: 'a' })).toThrow('CFMR_S3_SECRETACCESSKEY: not set')
})
