import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { pino } from 'pino'
import { expect, it } from 'vitest'
import { CloudController } from '../../src/cloud-foundry/enricher/cloud-controller.ts'
import type { AppMetadata } from '../../src/cloud-foundry/metadata.ts'
import { makeApps } from '../support/apps.ts'

const never = new AbortController().signal

it('the Cloud Controller of the demo runs as a process of its own, and takes orders to break and to mend', async () => {
  const main = fileURLToPath(new URL('../../dev/cloud-controller/main.ts', import.meta.url))
  const args = ['--import', 'tsx', main, '--apps', 'test/fixtures/mix-apps.json']
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  try {
    const [line] = await once(createInterface(child.stdout), 'line')
    const { url, control } = JSON.parse(line)
    const order = async (body: object) => {
      const reply = await fetch(control, { method: 'POST', body: JSON.stringify(body) })
      expect(reply.status).toBe(200)
    }
    const login = { user: 'admin', password: 'admin', timeoutMs: 5000, retries: 0, skipSslValidation: false, resultsPerPage: 500 }
    const source = new CloudController({ api: url, ...login, log: pino({ enabled: false }) })
    const list = async () => {
      const all: AppMetadata[] = []
      for await (const apps of source.listApps(never)) all.push(...apps)
      return all.length
    }
    expect(await list()).toBe(500)
    await order({ fault: { kind: 'list', effect: 'answer', status: 500, body: 'ordered' } })
    await expect(list()).rejects.toThrow('500 Internal Server Error: ordered')
    await order({ heal: true, put: makeApps(2), revoke: 'both' })
    expect(await list()).toBe(502)
    await order({ visibleApps: 3, delete: makeApps(1).map((app) => app.app_guid) })
    expect(await list()).toBe(3)
    expect(await (await fetch(control)).json()).toMatchObject({ list: expect.any(Number), token: 3 })
    expect((await fetch(control, { method: 'POST', body: 'nonsense' })).status).toBe(400)
    await source.close()
  } finally {
    child.kill()
    await once(child, 'exit')
  }
})
