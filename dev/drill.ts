import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { drill } from './drill/drill.ts'

/** `npm run drill`: faults on purpose, and a count of what was lost. Exit 0 only if nothing was. */
const { values: options } = parseArgs({
  options: {
    minutes: { type: 'string', default: '5' },
    seed: { type: 'string', default: '1' },
    rate: { type: 'string', default: '3000' },
    instances: { type: 'string', default: '3' },
    out: { type: 'string', default: 'drill.json' },
  },
})

/** Ctrl-C once: heal and count. Twice: end. */
const stop = new AbortController()
process.on('SIGINT', () => (stop.signal.aborted ? process.exit(130) : stop.abort()))

const result = await drill({
  minutes: Number(options.minutes),
  seed: Number(options.seed),
  perSecond: Number(options.rate),
  instances: Number(options.instances),
  stop: stop.signal,
  say: (text) => console.log(text),
})
writeFileSync(options.out, `${JSON.stringify(result, null, 2)}\n`)

const { faults, unexpected, ...figures } = result
console.log()
for (const [name, value] of [...Object.entries(faults), ...Object.entries(figures)])
  console.log(`${name.replaceAll('_', ' ').padEnd(30)}${value}`)
for (const text of unexpected) console.log(`\nUNEXPECTED: ${text}`)
process.exitCode = result.lost === 0 && result.documents_lost === 0 && result.gaps === 0 && unexpected.length === 0 ? 0 : 1
