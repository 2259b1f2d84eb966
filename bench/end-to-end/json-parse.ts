import { loadMix } from '../../dev/load/mix.ts'

/**
 * The yardstick: CPU seconds of this process for `JSON.parse(buffer.toString())` of the load's first messages, and nothing
 * else, warmed up, the median of five rounds. Prints the number. Arguments: how many messages, of how many apps (0: the sample's).
 */
const count = Number(process.argv[2])
const mix = loadMix({ apps: Number(process.argv[3]) || undefined })
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
