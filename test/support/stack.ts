import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import { promisify } from 'node:util'
import type { TestProject } from 'vitest/node'
import { startInfluxDb } from '../../dev/influxdb.ts'
import { type KafkaServer, startKafka } from '../../dev/kafka.ts'
import { startVictoriaMetrics } from '../../dev/victoria-metrics.ts'

/** What one test run shares, each started when a test first asks for it and stopped when the run ends. */
const parts = {
  kafka: () => kafka({ secure: true }),
  'kafka-3.9.1': () => kafka({ version: '3.9.1' }),
  /** Ask it with `influxQl({ url })`, after a `CREATE DATABASE` of your own. */
  influxdb: async () => {
    const { url, close } = await startInfluxDb()
    return { value: { url }, close }
  },
  'victoria-metrics': async () => {
    const { url, close } = await startVictoriaMetrics()
    return { value: { url }, close }
  },
  /** Builds the program; the rest of the run may start it. */
  program: async () => {
    await promisify(execFile)('npm', ['run', '--silent', 'build'])
    return { value: { path: 'dist/main.js' }, close: async () => {} }
  },
} satisfies Record<string, () => Promise<Part<unknown>>>

export type Parts = { [Name in keyof typeof parts]: Awaited<ReturnType<(typeof parts)[Name]>>['value'] }

interface Part<Value> {
  /** What a test needs to know, as JSON. */
  readonly value: Value
  close(): Promise<void>
}

async function kafka(options: Parameters<typeof startKafka>[0]): Promise<Part<Pick<KafkaServer, 'brokers' | 'secure'>>> {
  const { brokers, secure, close } = await startKafka(options)
  return { value: { brokers, secure }, close }
}

declare module 'vitest' {
  export interface ProvidedContext {
    /** Answers `GET /NAME` with what {@link parts} has under that name. */
    stackUrl: string
  }
}

/** vitest's global set-up: tests run in processes of their own, so they ask over HTTP. */
export default async function setup(run: TestProject): Promise<() => Promise<void>> {
  const started = new Map<string, Promise<Part<unknown>>>()
  const server = createServer((request, response) => {
    const name = request.url?.slice(1) ?? ''
    if (!started.has(name) && name in parts) started.set(name, parts[name as keyof typeof parts]())
    void answer(response, started.get(name))
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  run.provide('stackUrl', `http://127.0.0.1:${(server.address() as { port: number }).port}`)
  return async () => {
    server.close()
    server.closeAllConnections()
    const ended = await Promise.allSettled(started.values())
    await Promise.all(ended.map((part) => (part.status === 'fulfilled' ? part.value.close() : undefined)))
  }
}

async function answer(response: ServerResponse, part: Promise<Part<unknown>> | undefined): Promise<void> {
  try {
    const { value } = (await part) ?? { value: undefined }
    response.writeHead(value === undefined ? 404 : 200, { connection: 'close' }).end(JSON.stringify(value))
  } catch (error) {
    response.writeHead(500, { connection: 'close' }).end(error instanceof Error ? error.message : String(error))
  }
}
