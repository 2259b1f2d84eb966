import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { loadHotPath } from './hot-path.mjs'
import { mixedLoad } from './loads.ts'

/**
 * Prints the bytes of heap that the hot path leaves behind for each envelope, warmed up: the least of many rounds, each too
 * short for a collection to come in between: a compiler that is late can only add to it. Argument: `line` by default, or another spelling.
 */
setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc')
const hotPathOf = await loadHotPath((module) => new URL(`../../src/${module}.ts`, import.meta.url).href)
const { messages: values, metadata } = mixedLoad(4000)
const messages = values.map((value, offset) => ({ value, offset }))
const hotPath = hotPathOf(metadata, process.argv[2])
for (let round = 0; round < 60; round++) hotPath(messages)

const rounds = Array.from({ length: 60 }, () => {
  collect()
  const before = process.memoryUsage().heapUsed
  hotPath(messages)
  return (process.memoryUsage().heapUsed - before) / messages.length
})
console.log(Math.min(...rounds))
