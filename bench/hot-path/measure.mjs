import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { loadHotPath } from './hot-path.mjs'

/**
 * Measures the built program in a process like the worker's, and prints what it finds as JSON. Not under tsx: that detaches an
 * ArrayBuffer, after which V8 looks at each access to memory whether it is still there, and all is a tenth slower.
 * Arguments: `rates` or `cold`, the folder of the loads, their names, the first of which is the one for JSON.parse; `NAME:document` makes documents
 * of it, not lines.
 */
const [what, folder, ...names] = process.argv.slice(2)
const ROUNDS = 15
const WARM_UP_ROUNDS = 4
const STRETCH = 1000
const STRETCHES = 400

const hotPathOf = await loadHotPath((module) => new URL(`../../dist/${module}.js`, import.meta.url).href)
console.log(JSON.stringify(what === 'cold' ? coldStartMs(names[0]) : nanoseconds(names)))

/** Median CPU of each load's messages, each round in random order; helping threads of the process included. */
function nanoseconds(names) {
  const parsed = load(names[0]).messages
  const variants = [{ name: 'JSON.parse', messages: parsed, run: parseJson, ns: [] }]
  for (const name of names) {
    const [loaded, spelling] = name.split(':')
    const { messages, metadata } = load(loaded)
    variants.push({ name, messages, run: hotPathOf(metadata, spelling), ns: [] })
  }
  for (let round = -WARM_UP_ROUNDS; round < ROUNDS; round++) {
    for (const { messages, run, ns } of variants.toSorted(() => Math.random() - 0.5)) {
      const before = process.cpuUsage()
      run(messages)
      const { user, system } = process.cpuUsage(before)
      if (round >= 0) ns.push(((user + system) * 1000) / messages.length)
    }
  }
  return Object.fromEntries(variants.map(({ name, ns }) => [name, median(ns)]))
}

/** How many ms of messages pass until they go at half of the speed they will have: three stretches in a row, so that one lucky one does not count. */
function coldStartMs(name) {
  const { messages, metadata } = load(name)
  const stretch = messages.slice(0, STRETCH)
  const run = hotPathOf(metadata)
  const ms = Array.from({ length: STRETCHES }, () => {
    const start = performance.now()
    run(stretch)
    return performance.now() - start
  })
  const steady = median(ms.slice(STRETCHES / 2))
  const warm = ms.findIndex((_, i) => ms.slice(i, i + 3).every((time) => time <= 2 * steady))
  return ms.slice(0, warm).reduce((sum, time) => sum + time, 0)
}

function parseJson(messages) {
  for (const { value } of messages) if (JSON.parse(value.toString()) === null) throw new Error('the load has an empty envelope')
}

/** All messages in one memory, as one answer of Kafka brings them. */
function load(name) {
  const all = readFileSync(join(folder, `${name}.ndjson`))
  const messages = []
  for (let start = 0, end = all.indexOf('\n'); end >= 0; start = end + 1, end = all.indexOf('\n', start))
    messages.push({ value: all.subarray(start, end), offset: messages.length })
  return { messages, metadata: JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8')) }
}

function median(numbers) {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1]
}
