import { parseArgs } from 'node:util'
import { soak } from './soak/soak.ts'

/** `npm run soak`: a worker under churn for an hour, and whether its memory grows. Exit 0 only if it does not. */
const { values: options } = parseArgs({
  options: {
    minutes: { type: 'string', default: '60' },
    requests: { type: 'string', default: '20000' },
    apps: { type: 'string', default: '500' },
  },
})

/** A round is some 20,000 requests and 500 apps: what they left behind in earlier versions was megabytes. */
const MOST_GROWTH_BYTES = 100_000

const stop = new AbortController()
process.on('SIGINT', () => (stop.signal.aborted ? process.exit(130) : stop.abort()))

const { heap_bytes, unexpected, ...figures } = await soak({
  goesOn: (rounds, elapsedMs) => rounds < 8 || (!stop.signal.aborted && elapsedMs < Number(options.minutes) * 60_000),
  requests: Number(options.requests),
  apps: Number(options.apps),
  say: (text) => console.log(text),
})
console.log()
for (const [name, value] of Object.entries(figures)) console.log(`${name.replaceAll('_', ' ').padEnd(30)}${value}`)
for (const text of unexpected) console.log(`\nUNEXPECTED: ${text}`)
process.exitCode = figures.growth_bytes_per_round < MOST_GROWTH_BYTES && unexpected.length === 0 ? 0 : 1
