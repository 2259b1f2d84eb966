import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { text } from 'node:stream/consumers'
import { parseArgs } from 'node:util'
import type { AppMetadata } from '../../src/cloud-foundry/metadata.ts'
import { type CloudControllerFake, startCloudController } from './cloud-controller.ts'
import type { Fault } from './faults.ts'

/** What `POST /_control` takes, as JSON; all that is given is done, in this order. */
interface Order {
  readonly heal?: boolean
  readonly fault?: Fault
  readonly put?: readonly AppMetadata[]
  readonly delete?: readonly string[]
  /** null: all. */
  readonly visibleApps?: number | null
  readonly isV2Enabled?: boolean
  readonly revoke?: 'access' | 'refresh' | 'both'
}

/**
 * The fake Cloud Controller as a process: `--apps FILE` (JSON as for CFMR_CF_API=file:), `--port N`, `--control-port N`
 * (free ones by default). Prints its addresses as a line of JSON. `GET /_control` on the second port tells the counts.
 */
const { values } = parseArgs({
  options: { apps: { type: 'string' }, port: { type: 'string', default: '0' }, 'control-port': { type: 'string', default: '0' } },
})
if (values.apps === undefined) throw new Error('--apps FILE is missing')
const cc = await startCloudController({ apps: JSON.parse(readFileSync(values.apps, 'utf8')), port: Number(values.port) })

const control = createServer(async (request, response) => {
  try {
    if (request.method === 'POST') obey(cc, JSON.parse(await text(request)))
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(cc.counts))
  } catch (error) {
    response.writeHead(400).end(`${error}`)
  }
})
control.listen(Number(values['control-port']), '127.0.0.1', () => {
  const { port } = control.address() as { port: number }
  process.stdout.write(`${JSON.stringify({ url: cc.url, control: `http://127.0.0.1:${port}/_control` })}\n`)
})
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => process.exit(0))

function obey({ faults, platform, uaa }: CloudControllerFake, order: Order): void {
  if (order.heal === true) {
    faults.heal()
    platform.visibleApps = undefined
    platform.isV2Enabled = true
  }
  if (order.fault !== undefined) faults.add(order.fault)
  for (const app of order.put ?? []) platform.put(app)
  for (const guid of order.delete ?? []) platform.delete(guid)
  if (order.visibleApps !== undefined) platform.visibleApps = order.visibleApps ?? undefined
  if (order.isV2Enabled !== undefined) platform.isV2Enabled = order.isV2Enabled
  if (order.revoke === 'access' || order.revoke === 'both') uaa.revokeAccessTokens()
  if (order.revoke === 'refresh' || order.revoke === 'both') uaa.revokeRefreshTokens()
}
