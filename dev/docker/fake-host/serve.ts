import type { ServerResponse } from 'node:http'
import { type FakeContainer, frameOf, startFakeEngine } from '../fake-engine.ts'
import { growingFrame } from './growing-frame.ts'
import type { FakeHostOptions } from './start.ts'

/**
 * A fake engine with many containers, as a process of its own, so that what it costs is not counted with who reads it. Its argument is {@link FakeHostOptions} as JSON; its
 * first line of output is its address.
 */
const { containers, lines, lineBytes, linesPerSecond, frame } = JSON.parse(process.argv[2] ?? '{}') as FakeHostOptions

/** Lines of a log that are written at a time. */
const AT_A_TIME = 100
const LIVE_MS = 100
const text = 'x'.repeat(lineBytes)
const following: ServerResponse[] = []

const engine = await startFakeEngine({ containers: Array.from({ length: containers }, (_, index) => containerOf(index)) })
let readings = 0
engine.intercept = (request, response) => {
  const isStats = request.url?.includes('/stats?') === true
  if (isStats) response.end(growingFrame(frame ?? '{}', ++readings))
  return isStats
}
console.log(engine.host)
writeLive()

function containerOf(index: number): FakeContainer {
  const name = `fake-${index}`
  const id = index.toString(16).padStart(64, '0')
  const labels = { 'com.docker.compose.service': name, 'com.docker.compose.project': 'fake' }
  const env = Array.from({ length: 20 }, (_, at) => `VARIABLE_${at}=some value of it`)
  return {
    ...{ id, name, labels, env, isRunning: true, startedAt: '2026-01-01T00:00:00Z' },
    logs: [(response) => void writeLog(response)],
  }
}

/** All that was written before, as fast as it is taken, and what is written from then on. */
async function writeLog(response: ServerResponse): Promise<void> {
  for (let written = 0; written < lines && !response.destroyed; written += AT_A_TIME) {
    const count = Math.min(AT_A_TIME, lines - written)
    const isTaken = response.write(Buffer.concat(Array.from({ length: count }, (_, at) => lineOf(written + at))))
    if (!isTaken) await new Promise((resolve) => response.once('drain', resolve).once('close', resolve))
  }
  following.push(response)
}

const lineOf = (number: number) =>
  frameOf(1, `${new Date().toISOString().slice(0, 19)}.${String(number).padStart(9, '0')}Z ${number} ${text}\n`)

/** One line after the other, each of the next container. */
function writeLive(): void {
  const startedMs = performance.now()
  let number = 0
  setInterval(() => {
    const due = ((performance.now() - startedMs) * linesPerSecond) / 1000
    for (; number < due; number++) {
      const response = following[number % following.length]
      if (response === undefined || response.writableNeedDrain) continue
      response.write(lineOf(lines + number))
    }
  }, LIVE_MS)
}
