import { loadMix } from '../../dev/load/mix.ts'
import { loadV2Mix } from '../../dev/load/v2-mix.ts'

/**
 * The yardstick: CPU seconds of this process for `JSON.parse(buffer.toString())` of the load's first messages, and nothing
 * else, warmed up, the median of five rounds. Prints the number. Arguments: how many messages, of how many apps (0: the sample's), and `v2` where they
 * are to be as the firehose has them.
 */
const count = Number(process.argv[2])
const load = process.argv[4] === 'v2' ? loadV2Mix : loadMix
const mix = load({ apps: Number(process.argv[3]) || undefined })
const messages = Array.from({ length: count }, (_, number) => mix.envelope(number))

const round = () => {
  const before = process.cpuUsage()
  for (const message of messages) JSON.parse(message.toString())
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1e6
}

round()
const seconds = Array.from({ length: 5 }, round).sort((a, b) => a - b)
console.log(seconds[2])
