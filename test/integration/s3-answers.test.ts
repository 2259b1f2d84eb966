import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { generateX25519Identity } from 'age-encryption'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { scratchFolder } from '../../dev/scratch-folder.ts'
import { decrypt } from '../../src/outputs/s3/decrypt.ts'
import { type FakeS3, s3Error, startFakeS3 } from '../fakes/s3.ts'
import { documentsOf, orgPlace, s3Output, s3Settings } from '../support/s3-output.ts'

const never = new AbortController().signal
const records = documentsOf(orgPlace('shop'), '1')
let fake: FakeS3

beforeEach(async () => {
  fake = await startFakeS3()
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await fake.close()
})

const keys = { accessKeyId: 'an-identity', secretAccessKey: 'a-credential-of-tests' }

describe('what passes is tried again, the same bytes under the same key', () => {
  it.each([
    ['too many requests', { status: 503, body: s3Error('SlowDown', 'Reduce your request rate.') }],
    ['an error inside', { status: 500, body: s3Error('InternalError') }],
    ['a body that came too slowly', { status: 400, body: s3Error('RequestTimeout') }],
    ['a body that was changed on its way', { status: 400, body: s3Error('BadDigest') }],
    ['a gateway without a server', { status: 502, body: '<html>Bad Gateway</html>' }],
  ])('%s', async (_, answer) => {
    fake.onPut = (_put, number) => (number <= 2 ? answer : { status: 200 })
    const { output, lines } = s3Output({ url: fake.url, ...keys }, 'b')
    expect(await output.write(records, never)).toEqual([])
    expect(output).toMatchObject({ records: 1, batches: 1, retries: 2, failures: 2 })
    expect(lines.map(({ level }) => level)).toEqual(['WARN', 'INFO'])
    expect(new Set(fake.puts.map(({ url }) => url)).size).toBe(1)
    expect(fake.puts.every(({ body }) => body.equals(fake.puts[0]?.body ?? Buffer.of()))).toBe(true)
    await output.close()
  })

  it('Retry-After is waited for', async () => {
    fake.onPut = (_put, number) =>
      number === 1 ? { status: 503, body: s3Error('SlowDown'), headers: { 'retry-after': '1' } } : { status: 200 }
    const { output, lines } = s3Output({ url: fake.url, ...keys }, 'b')
    await output.write(records, never)
    expect(lines[0]).toMatchObject({ retryInSeconds: 1 })
    await output.close()
  })
})

describe('what does not pass by itself names what to look at, is kept, and quotes nothing of what was sent', () => {
  it.each([
    [403, 'AccessDenied', /s3:PutObject on CFMR_S3_BUCKET/],
    [403, 'InvalidAccessKeyId', /CFMR_S3_ACCESSKEYID/],
    [403, 'SignatureDoesNotMatch', /CFMR_S3_SECRETACCESSKEY/],
    [403, 'RequestTimeTooSkewed', /the clock of this machine/],
    [400, 'ExpiredToken', /CFMR_S3_ACCESSKEYID/],
    [400, 'AuthorizationHeaderMalformed', /CFMR_S3_REGION/],
    [301, 'PermanentRedirect', /CFMR_S3_REGION and CFMR_S3_ENDPOINT/],
    [404, 'NoSuchBucket', /CFMR_S3_BUCKET/],
    [400, 'EntityTooLarge', /CFMR_S3_OBJECTBYTES/],
    [405, '', /CFMR_S3_ENDPOINT/],
  ])('HTTP %i %s', async (status, code, variable) => {
    fake.onPut = (_put, number) => (number === 1 ? { status, body: code === '' ? '' : s3Error(code) } : { status: 200 })
    const { output, lines } = s3Output({ url: fake.url, ...keys }, 'b')
    expect(await output.write(records, never)).toEqual([])
    expect(lines[0]).toMatchObject({
      level: 'ERROR',
      msg: expect.stringMatching(variable),
      error: expect.stringContaining(`HTTP ${status}`),
    })
    expect(JSON.stringify(lines)).not.toContain('what was sent')
    await output.close()
  })
})

describe('200 is not stored', () => {
  it.each([
    ['with an error in its body', s3Error('InternalError', 'We encountered an internal error.')],
    ['with a page of something before the store', '<html>Please log in</html>'],
  ])('%s', async (_, body) => {
    fake.onPut = () => ({ status: 200, body })
    const { output } = s3Output({ url: fake.url, ...keys }, 'b', { flushRetries: 1 })
    await expect(output.write(records, never)).rejects.toThrow(/did not take a batch, tried 2 times: HTTP 200/)
    expect(output).toMatchObject({ records: 0, failures: 2 })
    await output.close()
  })
})

describe('the start', () => {
  it('goes on where the account may not list the bucket', async () => {
    fake.onGet = () => ({ status: 403, body: s3Error('AccessDenied') })
    const { output } = s3Output({ url: fake.url, ...keys }, 'b')
    await output.start(never)
    await output.close()
  })

  it('ends where the bucket is somewhere else', async () => {
    fake.onGet = () => ({ status: 301, body: s3Error('PermanentRedirect') })
    const { output } = s3Output({ url: fake.url, ...keys }, 'b', { startTimeoutMs: 0 })
    await expect(output.start(never)).rejects.toThrow(/PermanentRedirect.*CFMR_S3_ENDPOINT and CFMR_S3_BUCKET/)
    await output.close()
  })
})

it('decrypt reads a list of many pages, and keys that hold anything', async () => {
  const folder = scratchFolder('pages')
  const identityFile = join(folder, 'key')
  writeFileSync(identityFile, await generateX25519Identity())
  const listed = (key: string, rest: string) => `<ListBucketResult><Contents><Key>${key}</Key></Contents>${rest}</ListBucketResult>`
  const next = '<IsTruncated>true</IsTruncated><NextContinuationToken>a+b/c==</NextContinuationToken>'
  const read: string[] = []
  fake.onGet = (url) => {
    const { pathname, searchParams } = new URL(url, fake.url)
    if (!searchParams.has('list-type')) {
      read.push(pathname)
      return { status: 404, body: s3Error('NoSuchKey') }
    }
    const isFirst = searchParams.get('continuation-token') !== 'a+b/c=='
    return { status: 200, body: isFirst ? listed('p/a+b%2Bc%26', next) : listed('p/%1B%5B2J', '<IsTruncated>false</IsTruncated>') }
  }
  const { settings } = s3Settings({ url: fake.url, ...keys }, 'b')
  const complaints: string[] = []
  const status = await decrypt({
    identityFiles: [identityFile],
    objects: ['s3://b/p/'],
    access: () => settings,
    write: async () => {},
    complain: (line) => void complaints.push(line),
    signal: never,
  })
  expect(status).toBe(1)
  expect(read).toEqual(['/b/p/a%20b%2Bc%26', '/b/p/%1B%5B2J'])
  expect(complaints).toEqual([
    expect.stringMatching(/^s3:\/\/b\/p\/a b\+c&: HTTP 404: NoSuchKey/),
    expect.stringMatching(/^s3:\/\/b\/p\/\?\[2J: /),
  ])
})

describe('credentials that are not configured', () => {
  const chained = { accessKeyId: undefined, secretAccessKey: undefined, flushRetries: 2 } as const
  const nothingElse = () => {
    for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN', 'AWS_PROFILE']) vi.stubEnv(name, undefined)
    vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true')
    for (const name of ['AWS_SHARED_CREDENTIALS_FILE', 'AWS_CONFIG_FILE']) vi.stubEnv(name, '/nowhere')
  }

  it('come from the environment, with their token', async () => {
    nothingElse()
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'of-the-environment')
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'its-secret')
    vi.stubEnv('AWS_SESSION_TOKEN', 'its-token')
    const { output } = s3Output({ url: fake.url, ...keys }, 'b', chained)
    await output.write(records, never)
    expect(fake.puts[0]?.headers).toMatchObject({
      authorization: expect.stringContaining('Credential=of-the-environment/'),
      'x-amz-security-token': 'its-token',
    })
    await output.close()
  })

  it('come from a container’s endpoint, and are asked for anew where they are worn out', async () => {
    nothingElse()
    let given = 0
    fake.onGet = () => {
      const end = new Date(Date.now() + 3_600_000).toISOString()
      const body = { AccessKeyId: `key-${++given}`, SecretAccessKey: 's', Token: `token-${given}`, Expiration: end }
      return { status: 200, body: JSON.stringify(body) }
    }
    vi.stubEnv('AWS_CONTAINER_CREDENTIALS_FULL_URI', `${fake.url}/credentials`)
    fake.onPut = ({ headers }) =>
      headers['x-amz-security-token'] === 'token-1' ? { status: 400, body: s3Error('ExpiredToken') } : { status: 200 }
    const { output } = s3Output({ url: fake.url, ...keys }, 'b', chained)
    expect(await output.write(records, never)).toEqual([])
    expect(fake.puts.map(({ headers }) => headers['x-amz-security-token'])).toEqual(['token-1', 'token-2'])
    await output.close()
  })

  it('that are nowhere are missed, with the variables', async () => {
    nothingElse()
    const { output, lines } = s3Output({ url: fake.url, ...keys }, 'b', { ...chained, flushRetries: 0 })
    await expect(output.write(records, never)).rejects.toThrow(/look at CFMR_S3_ACCESSKEYID and CFMR_S3_SECRETACCESSKEY, or at the chain/)
    expect(lines).toEqual([])
    expect(fake.puts).toEqual([])
    await output.close()
  })
})
