import { randomUUID } from 'node:crypto'
import type { Producer } from 'kafkajs'
import { Agent, request } from 'undici'
import type { AppMetadata } from '../../src/cloud-foundry/metadata.ts'
import type { Platform } from '../cloud-controller/platform.ts'

const PATHS = ['/healthz', '/readyz', '/stats', '/metrics', '/stats/app', '/nothing']
const AT_ONCE = 20

/** Asks the worker's server for everything that it has, some over connections that stay and some over new ones. */
export async function askOften(url: string, requests: number): Promise<void> {
  const [staying, fresh] = [new Agent({ connections: AT_ONCE }), new Agent({ connections: AT_ONCE, pipelining: 0 })]
  let left = requests
  const ask = async () => {
    while (left-- > 0) {
      const path = PATHS[left % PATHS.length] as string
      const { body } = await request(url + path, { dispatcher: left % 4 === 0 ? fresh : staying })
      await body.dump({ limit: 1e6 })
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, ask))
  await Promise.all([staying.close(), fresh.close()])
}

/** Apps that come and go: a generation is there for a round, some of it renamed, then the next takes its place. */
export class Generations {
  readonly #platform: Platform
  #living: AppMetadata[] = []
  #number = 0

  constructor(platform: Platform) {
    this.#platform = platform
  }

  /** Guids of the next generation; the last one is deleted. */
  next(count: number): readonly string[] {
    for (const { app_guid } of this.#living) this.#platform.delete(app_guid)
    this.#number++
    this.#living = Array.from({ length: count }, (_, index) => ({
      app: `app-${this.#number}-${index}`,
      app_guid: randomUUID(),
      space: `space-${index % 7}`,
      space_guid: `00000000-0000-4000-8000-00000000000${index % 7}`,
      org: 'soak',
      org_guid: '00000000-0000-4000-8000-0000000000aa',
    }))
    for (const app of this.#living) this.#platform.put(app)
    return this.#living.map(({ app_guid }) => app_guid)
  }

  /** Half of the living get other names. */
  rename(): void {
    for (const [index, app] of this.#living.entries()) if (index % 2 === 0) this.#platform.put({ ...app, app: `${app.app}-renamed` })
  }
}

/** Sends a log line of each app, of some that do not exist, and what is no envelope. Returns how many messages that is. */
export async function sendFrom(producer: Producer, topic: string, guids: readonly string[], firstNumber: number): Promise<number> {
  const ofNobody = guids.slice(0, Math.ceil(guids.length / 10)).map(() => randomUUID())
  const lines = [...guids, ...ofNobody].map((guid, index) => logEnvelope(guid, firstNumber + index))
  const broken = ofNobody.slice(0, 3).map(() => 'no envelope')
  const messages = [...lines, ...broken].map((value) => ({ value }))
  await producer.send({ topic, messages, acks: -1 })
  return messages.length
}

function logEnvelope(guid: string, number: number): string {
  const timestamp = 1_700_000_000_000_000_000n + BigInt(number) * 1_000_000n
  const message = Buffer.from(`soak ${number}`).toString('base64')
  const log = `{"message":"${message}","message_type":1,"timestamp":${timestamp},"app_id":"${guid}","source_type":"APP/PROC/WEB","source_instance":"0"}`
  return `{"origin":"rep","eventType":5,"timestamp":${timestamp},"logMessage":${log}}`
}
