import { createHash } from 'node:crypto'
import { utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Age, type AgeKey, debianAge } from '../../dev/age.ts'
import { FaultProxy } from '../../dev/proxy.ts'
import { type S3Server, startS3Server } from '../../dev/s3-server.ts'
import { scratchFolder } from '../../dev/scratch-folder.ts'
import { waitUntil } from '../../dev/wait-until.ts'
import type { Finding } from '../../src/check/finding.ts'
import { checkS3 } from '../../src/outputs/s3/check.ts'
import { run } from '../support/program.ts'
import { documentsOf, orgPlace, s3Output, s3Settings } from '../support/s3-output.ts'
import { uniqueName } from '../support/shared.ts'

const never = new AbortController().signal
const folder = scratchFolder('s3-test')

let server: S3Server
let age: Age
let bucket: string
let keys: Readonly<Record<'shop' | 'bank' | 'auditor' | 'stranger', AgeKey>>

beforeAll(async () => {
  ;[server, age] = await Promise.all([startS3Server(), debianAge()])
  const pair = (name: string) => age.keygen(folder, name)
  keys = { shop: pair('shop'), bank: pair('bank'), auditor: pair('auditor'), stranger: pair('stranger') }
})
afterAll(() => server?.close())
beforeEach(() => {
  bucket = uniqueName('bucket')
  server.makeBucket(bucket)
})

const idsIn = (text: string) =>
  text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line).event.id as string)

/** The variables by which `decrypt` reaches the server. */
const access = () => ({
  CFMR_S3_ENDPOINT: server.url,
  CFMR_S3_ACCESSKEYID: server.accessKeyId,
  CFMR_S3_SECRETACCESSKEY: server.secretAccessKey,
})

const both = () => JSON.stringify({ shop: [keys.shop.recipient], bank: [keys.bank.recipient] })

describe('objects', () => {
  it('of two tenants: age opens each with its own key and the auditor’s, and with no other', async () => {
    const { output } = s3Output(server, bucket, { recipients: both(), auditors: [keys.auditor.recipient], prefix: 'logs/' })
    await output.start(never)
    expect(await output.write(documentsOf(orgPlace('shop'), 's1', 's2'), never)).toEqual([])
    expect(await output.write(documentsOf(orgPlace('bank'), 'b1'), never)).toEqual([])
    const [ofBank = '', ofShop = '', ...others] = server.keys(bucket)
    expect(others).toEqual([])
    const name = /^logs\/org=(\w+)\/dt=2026-03-04\/hour=05\/\d{8}T\d{6}Z-[0-9a-f]{12}-\d{8}\.ndjson\.gz\.age$/
    expect([name.exec(ofBank)?.[1], name.exec(ofShop)?.[1]]).toEqual(['bank', 'shop'])
    const [bank, shop] = [server.object(bucket, ofBank), server.object(bucket, ofShop)]
    for (const key of [keys.shop, keys.auditor]) expect(idsIn(await age.open(shop, key))).toEqual(['s1', 's2'])
    for (const key of [keys.bank, keys.auditor]) expect(idsIn(await age.open(bank, key))).toEqual(['b1'])
    await expect(age.open(shop, keys.bank)).rejects.toThrow(/no identity matched/)
    await expect(age.open(bank, keys.shop)).rejects.toThrow(/no identity matched/)
    expect(output).toMatchObject({ records: 3, batches: 2, failures: 0, inFlight: 0 })
    expect(output.notReady()).toEqual([])
    await output.close()
  })

  it('without recipients are gzip alone, and say so in their names', async () => {
    const { output } = s3Output(server, bucket, { tenant: 'none' })
    await output.write(documentsOf('[]', 'p1'), never)
    const [key = ''] = server.keys(bucket)
    expect(key).toMatch(/^dt=2026-03-04\/hour=05\/.*\.ndjson\.gz$/)
    expect(idsIn(gunzipSync(server.object(bucket, key)).toString())).toEqual(['p1'])
    await output.close()
  })

  it('with auditors alone are encrypted to them', async () => {
    const { output } = s3Output(server, bucket, { auditors: [keys.auditor.recipient] })
    await output.write(documentsOf(orgPlace('any'), 'a1'), never)
    const [key = ''] = server.keys(bucket)
    expect(idsIn(await age.open(server.object(bucket, key), keys.auditor))).toEqual(['a1'])
    await output.close()
  })

  it('of tenants whose names a key cannot have are told apart by GUID', async () => {
    const { output } = s3Output(server, bucket, {})
    const guid = '11112222-3333-4444-8555-666677778888'
    await output.write(documentsOf(orgPlace('a/../b', guid), '1'), never)
    await output.write(documentsOf(orgPlace('a_.._b-11112222', '99992222-3333-4444-8555-666677778888'), '2'), never)
    expect(
      server
        .keys(bucket)
        .map((key) => key.split('/')[0])
        .sort(),
    ).toEqual(['org=a_.._b-11112222', 'org=a_.._b-11112222-99992222'])
    await output.close()
  })
})

describe('recipients', () => {
  it('that are missing hold a tenant, in no form readable, while others go on', async () => {
    const { output, lines } = s3Output(server, bucket, { recipients: both(), auditors: [keys.auditor.recipient] })
    expect(await output.write(documentsOf(orgPlace('new'), 'n1', 'n2'), never)).toMatchObject([
      { record: 0, isHeld: true, reason: 'new has no recipient in CFMR_S3_RECIPIENTS' },
      { record: 1, isHeld: true },
    ])
    expect(await output.write(documentsOf(orgPlace('shop'), 's1'), never)).toEqual([])
    expect(server.keys(bucket)).toHaveLength(1)
    expect(lines).toMatchObject([{ level: 'ERROR', tenant: 'new', msg: expect.stringContaining('to CFMR_S3_RECIPIENTS') }])
    expect(JSON.stringify(lines)).not.toMatch(/shop|bank/)
    await output.close()
  })

  it('of a file that changes hold from the next write on: a tenant that comes, one that goes, and a broken file changes nothing', async () => {
    const file = join(folder, 'recipients.json')
    writeFileSync(file, both())
    const { output, lines } = s3Output(server, bucket, { recipients: file })
    const isHeld = async (org: string, id: string) => (await output.write(documentsOf(orgPlace(org), id), never)).length > 0
    expect(await isHeld('new', 'n1')).toBe(true)
    writeFileSync(file, JSON.stringify({ new: [keys.stranger.recipient], bank: [keys.bank.recipient] }))
    await waitUntil('the new tenant is let in', async () => !(await isHeld('new', 'n1')))
    expect(await isHeld('shop', 's1')).toBe(true)
    writeFileSync(file, '{"new": ["AGE-SECRET-KEY-1SECRETSECRET"]}')
    const said = await waitUntil('it says so', async () => {
      expect(await isHeld('new', 'n2')).toBe(false)
      return lines.find(({ msg }) => String(msg).startsWith('the file of CFMR_S3_RECIPIENTS'))
    })
    expect(said).toMatchObject({ level: 'ERROR', path: file, error: expect.stringContaining('is a secret key') })
    expect(JSON.stringify(lines)).not.toContain('SECRETSECRET')
    writeFileSync(file, both())
    await waitUntil('the tenant is let in again', async () => !(await isHeld('shop', 's1')))
    const ofNew = server.keys(bucket).filter((key) => key.startsWith('org=new/'))
    for (const key of ofNew) await age.open(server.object(bucket, key), keys.stranger)
    await output.close()
  })

  it('of a file that was given its old times and size are seen all the same', async () => {
    const file = join(folder, 'times.json')
    const past = new Date(Date.now() - 3_600_000)
    const write = (key: AgeKey) => {
      writeFileSync(file, JSON.stringify({ shop: [key.recipient] }))
      utimesSync(file, past, past)
    }
    write(keys.shop)
    const { output } = s3Output(server, bucket, { recipients: file })
    write(keys.bank)
    await waitUntil('the new key holds', async () => {
      await output.write(documentsOf(orgPlace('shop'), 's'), never)
      const opened = await Promise.allSettled(server.keys(bucket).map((key) => age.open(server.object(bucket, key), keys.bank)))
      return opened.some(({ status }) => status === 'fulfilled')
    })
    await output.close()
  })
})

describe('answers', () => {
  it('a wrong secret key is tried again and named, and the process gives up as told', async () => {
    const { output, lines } = s3Output({ ...server, secretAccessKey: 'another-secret-entirely' }, bucket, { flushRetries: 1 })
    await expect(output.write(documentsOf(orgPlace('shop'), '1'), never)).rejects.toThrow(
      /tried 2 times: HTTP 403: SignatureDoesNotMatch.*look at CFMR_S3_ACCESSKEYID and CFMR_S3_SECRETACCESSKEY/,
    )
    expect(lines).toMatchObject([{ level: 'ERROR', msg: expect.stringContaining('CFMR_S3_SECRETACCESSKEY') }])
    expect(JSON.stringify(lines)).not.toContain('another-secret')
    await expect(output.start(never)).rejects.toThrow(/SignatureDoesNotMatch.*CFMR_S3_STARTTIMEOUT/)
    await output.close()
  })

  it('a bucket that does not exist is named', async () => {
    const { output } = s3Output(server, 'no-such-bucket', { flushRetries: 0 })
    await expect(output.write(documentsOf(orgPlace('shop'), '1'), never)).rejects.toThrow(/NoSuchBucket.*look at CFMR_S3_BUCKET\b/)
    await output.close()
  })

  it('a PUT whose answer gets lost replaces itself: one object, the same bytes', async () => {
    const proxy = await FaultProxy.start({ targetPort: server.port })
    const { output } = s3Output({ ...server, url: `http://127.0.0.1:${proxy.port}` }, bucket, {
      auditors: [keys.auditor.recipient],
      timeoutMs: 1500,
    })
    proxy.swallowAnswers()
    const writing = output.write(documentsOf(orgPlace('shop'), '1', '2'), never)
    await waitUntil('it is stored', () => server.keys(bucket).length > 0)
    const digest = () =>
      createHash('sha256')
        .update(server.object(bucket, server.keys(bucket)[0] ?? ''))
        .digest('hex')
    const before = await waitUntil('all of it', () => server.object(bucket, server.keys(bucket)[0] ?? '').length > 0 && digest())
    await waitUntil('it is tried again', () => output.retries > 0)
    await proxy.heal()
    expect(await writing).toEqual([])
    expect(server.keys(bucket)).toHaveLength(1)
    expect(digest()).toBe(before)
    await Promise.all([output.close(), proxy.close()])
  })

  it('a late PUT of a writer that was given up replaces nothing of the next one’s', async () => {
    const [late, next] = [s3Output(server, bucket), s3Output(server, bucket)]
    await next.output.write(documentsOf(orgPlace('shop'), '1', '2', '3'), never)
    await late.output.write(documentsOf(orgPlace('shop'), '1'), never)
    const objects = server.keys(bucket).map((key) => idsIn(gunzipSync(server.object(bucket, key)).toString()))
    expect(objects.sort((a, b) => a.length - b.length)).toEqual([['1'], ['1', '2', '3']])
    await Promise.all([late.output.close(), next.output.close()])
  })
})

describe('check', () => {
  const findings = async (options: { readonly secretAccessKey?: string; readonly recipients?: string } = {}) => {
    const { settings } = s3Settings({ ...server, ...options }, bucket, options)
    const found: Finding[] = []
    for await (const finding of checkS3(settings, never)) found.push(finding)
    return found
  }

  it('says that it works, and whom objects are encrypted to, and puts nothing', async () => {
    expect(await findings({ recipients: both() })).toMatchObject([
      { check: 'bucket', outcome: 'ok' },
      { check: 'encryption', outcome: 'ok', message: expect.stringContaining('2 tenants'), figures: { tenants: 2, hasDefault: false } },
    ])
    expect(server.keys(bucket)).toEqual([])
  })

  it('names what is wrong', async () => {
    expect(await findings({ secretAccessKey: 'another-secret-entirely' })).toMatchObject([
      { outcome: 'failed', message: expect.stringMatching(/SignatureDoesNotMatch.*CFMR_S3_SECRETACCESSKEY/) },
      { outcome: 'warning', message: expect.stringContaining('not encrypted') },
    ])
  })
})

describe('decrypt', () => {
  /** Objects of both tenants; an event of the shop is in two of them. */
  async function fill(): Promise<{ readonly shop: readonly string[]; readonly bank: readonly string[] }> {
    const { output } = s3Output(server, bucket, { recipients: both(), prefix: 'p/' })
    await output.write(documentsOf(orgPlace('shop'), 's1', 's2'), never)
    await output.write(documentsOf(orgPlace('shop'), 's2', 's3'), never)
    await output.write(documentsOf(orgPlace('bank'), 'b1'), never)
    await output.close()
    const of = (org: string) => server.keys(bucket).filter((key) => key.startsWith(`p/org=${org}/`))
    return { shop: of('shop'), bank: of('bank') }
  }
  const url = (key: string) => `s3://${bucket}/${key}`
  const identity = (key: AgeKey) => ['--identity', key.file]

  it('prints each event once, from the bucket and from files', async () => {
    const { shop } = await fill()
    const files = shop.map((key, i) => {
      const file = join(folder, `object-${i}`)
      writeFileSync(file, server.object(bucket, key))
      return file
    })
    for (const [objects, env] of [
      [shop.map(url), access()],
      [[url('p/org=shop/')], access()],
      [files, {}],
      [[...files, ...shop.map(url)], access()],
    ] as const) {
      const ended = await run({ args: ['decrypt', ...identity(keys.shop), ...objects], env })
      expect(ended).toMatchObject({ code: 0, stderr: '' })
      expect(idsIn(ended.stdout)).toEqual(['s1', 's2', 's3'])
    }
  })

  it('takes several identities, each for what it opens', async () => {
    await fill()
    const ended = await run({ args: ['decrypt', ...identity(keys.shop), ...identity(keys.bank), url('')], env: access() })
    expect(ended).toMatchObject({ code: 0, stderr: '' })
    expect(idsIn(ended.stdout).sort()).toEqual(['b1', 's1', 's2', 's3'])
  })

  it('goes on below a prefix where none opens an object', async () => {
    const { bank } = await fill()
    const ended = await run({ args: ['decrypt', ...identity(keys.shop), url('p/')], env: access() })
    expect(ended.code).toBe(1)
    expect(ended.stderr).toBe(`cf-metrics-refinery: ${url(bank[0] ?? '')}: none of the identities opens it: it is encrypted to others\n`)
    expect(idsIn(ended.stdout)).toEqual(['s1', 's2', 's3'])
  })

  it('names an object that none opens, one that is cut, and one that is missing, and prints the others', async () => {
    const { shop, bank } = await fill()
    const cut = join(folder, 'cut')
    writeFileSync(cut, server.object(bucket, shop[0] ?? '').subarray(0, -1))
    const strange = join(folder, 'strange')
    writeFileSync(strange, 'no object')
    const strangers = join(folder, 'strangers')
    writeFileSync(strangers, gzipSync('no document\nand no newline'))
    const missing = url('p/org=shop/none')
    const objects = [url(bank[0] ?? ''), cut, strange, missing, url('q/'), strangers, url(shop[1] ?? '')]
    const ended = await run({ args: ['decrypt', ...identity(keys.shop), ...objects], env: access() })
    expect(ended.code).toBe(1)
    const [first, second, ...documents] = ended.stdout.split('\n')
    expect([first, second]).toEqual(['no document', 'and no newline'])
    expect(idsIn(documents.join('\n'))).toHaveLength(2)
    const said = ended.stderr.trimEnd().split('\n')
    expect(said).toEqual([
      expect.stringContaining(`${objects[0]}: none of the identities opens it`),
      expect.stringContaining(`${cut}: it is damaged, cut or forged`),
      expect.stringContaining(`${strange}: it is not an object of ours`),
      expect.stringContaining(`${missing}: HTTP 404: NoSuchKey`),
      expect.stringContaining(`${url('q/')}: there is no object below it`),
    ])
  })

  it('says of an identity file that is none what is expected, and never what it holds', async () => {
    const bad = join(folder, 'bad.key')
    writeFileSync(bad, 'AGE-SECRET-KEY-1QQQQQQQQQQQQ\n')
    const none = join(folder, 'none.key')
    writeFileSync(none, 'QQQQ\n')
    const ended = await run({ args: ['decrypt', '-i', bad, '-i', none, '-i', join(folder, 'gone.key'), 'x'], env: {} })
    expect(ended.code).toBe(2)
    expect(ended.stderr).toContain(`--identity ${bad}: found a secret key (not shown) that is damaged`)
    expect(ended.stderr).toContain(`--identity ${none}: found a file (not shown) that is none`)
    expect(ended.stderr).toContain('gone.key: cannot be read')
    expect(ended.stderr.trimEnd().split('\n')).toHaveLength(3)
    expect(ended.stderr).not.toContain('QQQQ')
  })
})
