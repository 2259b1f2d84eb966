import type { ServerResponse } from 'node:http'
import { onTestFinished } from 'vitest'
import { type FakeContainer, FIRST_NS, frameOf, type LogAnswer, startFakeEngine, timeOf } from '../../dev/docker/fake-engine.ts'
import { DockerScene } from './docker-scene.ts'

export const ID = 'c0'.repeat(32)
export const SECOND = 1_000_000_000n

/** Line n of a log, a millisecond after the one before. */
export const lineOf = (n: number, stream: 1 | 2 = 1) => frameOf(stream, `${timeOf(BigInt(n) * 1_000_000n)} line ${n}\n`)
const timeNsOf = (n: number) => FIRST_NS + BigInt(n) * 1_000_000n

/** A log of that many lines, from `since` on, and what follows them. */
export const logOf =
  (count: number, then: (...args: Parameters<LogAnswer>) => void = () => {}): LogAnswer =>
  (response, since, query) => {
    for (let n = 1; n <= count; n++) if (timeNsOf(n) >= since) response.write(lineOf(n))
    then(response, since, query)
  }

/** Breaks the stream once all that was written to it is on its way: at once, some of it might never leave. */
export function breakOnceSent(response: ServerResponse): void {
  setImmediate(() => {
    if (response.writableLength === 0 && response.socket?.writableLength === 0) response.destroy()
    else breakOnceSent(response)
  })
}

/** What a log of that many lines has at its end. */
export const tailOf = (count: number) => (records: number) =>
  Array.from({ length: Math.min(count, records) }, (_, index) => lineOf(count - Math.min(count, records) + index + 1))

export async function sceneOf(container: Partial<FakeContainer>, options: { readonly apiVersion?: string } = {}) {
  const fake = { id: ID, name: 'fake', isRunning: true, startedAt: '2026-01-01T00:00:00Z', logs: [], ...container }
  const engine = await startFakeEngine({ ...options, containers: [fake] })
  onTestFinished(() => engine.close())
  return { engine, fake, scene: DockerScene.with(engine.host) }
}

/** Those that follow. */
export const logRequests = (requests: readonly string[]) => requests.filter((request) => /\/logs\?follow=true/.test(request))
export const linesTo = (count: number) => Array.from({ length: count }, (_, index) => `line ${index + 1}`)
export const say = (action: string, timeNs: bigint, attributes: object = {}) => ({
  Type: 'container',
  Action: action,
  Actor: { ID, Attributes: { name: 'fake', image: 'box:1', ...attributes } },
  time: Number(timeNs / SECOND),
  timeNano: String(timeNs),
})
