import { parseArgs } from 'node:util'
import { type Counts, tryDifferences, tryMutations, tryV2Differences } from './fuzz/trials.ts'

const usage = `npm run fuzz -- [--seed N] [--count N] [--mutations | --differential]

  --mutations      only spoilt messages, JSON and protobuf, through decoder and encoder (a million)
  --differential   only edited envelopes, the fast decoder against the exact one (400,000 of V1, as many of V2)
  --count N        that many of each instead
  --seed N         begin with this seed; it is printed, so that a failure can be had again`

const STEP = 50_000

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    count: { type: 'string' },
    mutations: { type: 'boolean', default: false },
    differential: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
})

/** Each step has a seed of its own, the first one's plus its number: `--seed` with a failed step's goes straight to it. */
function run(what: string, count: number, trial: (seed: number, count: number) => Counts): void {
  const seed = Number(values.seed)
  const totals: Counts = {}
  for (let done = 0, step = 0; done < count; step++) {
    const size = Math.min(STEP, count - done)
    console.log(`${what}: ${done} of ${count}, seed ${seed + step}`)
    for (const [outcome, times] of Object.entries(trial(seed + step, size))) totals[outcome] = (totals[outcome] ?? 0) + times
    done += size
  }
  console.log(`${what}: ${count} tried, none wrong:`)
  console.table(totals)
}

if (values.help) console.log(usage)
else {
  if (!values.differential) run('mutations', Number(values.count ?? 1_000_000), tryMutations)
  if (!values.mutations) {
    run('differential', Number(values.count ?? 400_000), tryDifferences)
    run('differential, V2', Number(values.count ?? 400_000), tryV2Differences)
  }
}
