import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Age, type AgeKey, debianAge } from '../../dev/age.ts'
import { type S3Server, startS3Server } from '../../dev/s3-server.ts'
import { scratchFolder } from '../../dev/scratch-folder.ts'
import { type ContainerDocument, RealDockerScene } from '../support/docker-scene.ts'
import { s3Env } from '../support/s3-output.ts'
import { uniqueName } from '../support/shared.ts'

const folder = scratchFolder('docker-tenants')
const TENANTS = ['acme', 'globex'] as const
type Tenant = (typeof TENANTS)[number]

let scene: RealDockerScene
let server: S3Server
let age: Age
let keys: Readonly<Record<Tenant, AgeKey>>

beforeAll(async () => {
  ;[scene, server, age] = await Promise.all([RealDockerScene.open(), startS3Server(), debianAge()])
  keys = { acme: age.keygen(folder, 'acme'), globex: age.keygen(folder, 'globex') }
})

afterAll(async () => {
  await Promise.all([scene?.close(), server?.close()])
})

it('the logs of two tenants on one host are in objects of their own, which the key of the other does not open', async () => {
  const bucket = uniqueName('bucket')
  server.makeBucket(bucket)
  const recipients = JSON.stringify(Object.fromEntries(TENANTS.map((tenant) => [tenant, [keys[tenant].recipient]])))
  const {
    CFMR_INFLUXDB_ADDR: _addr,
    CFMR_INFLUXDB_DATABASE: _database,
    ...s3
  } = s3Env(server, bucket, {
    CFMR_S3_RECIPIENTS: recipients,
    CFMR_S3_OBJECTAGE: '500ms',
  })
  // The tenant stands in the environment alone: names of containers are chance.
  const say = (tenant: Tenant) =>
    scene.engine.start(`n=0; while [ $n -lt 100 ]; do n=$((n+1)); echo "${tenant} $n"; done`, ['--env', `TENANT=${tenant}`])
  const worker = await scene.work({ ...s3, CFMR_STDOUT_FORMAT: undefined, CFMR_DOCKER_ORG: 'env:TENANT' })
  for (const tenant of TENANTS) await say(tenant)
  await worker.waitUntil('all is stored', async () => (await worker.stats()).ledger.written === 200)
  expect(await worker.stop()).toMatchObject({ code: 0 })
  for (const [index, tenant] of TENANTS.entries()) {
    const other = TENANTS[1 - index] as Tenant
    const own = server.keys(bucket).filter((key) => key.startsWith(`org=${tenant}/`))
    const messages: string[] = []
    for (const key of own) {
      const text = await age.open(server.object(bucket, key), keys[tenant])
      for (const line of text.trimEnd().split('\n')) messages.push((JSON.parse(line) as ContainerDocument).message ?? '')
      await expect(age.open(server.object(bucket, key), keys[other])).rejects.toThrow(/no identity/)
    }
    expect(messages).toEqual(Array.from({ length: 100 }, (_, line) => `${tenant} ${line + 1}`))
  }
  expect(server.keys(bucket).every((key) => TENANTS.some((tenant) => key.startsWith(`org=${tenant}/`)))).toBe(true)
})
