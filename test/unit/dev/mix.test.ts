import { describe, expect, it } from 'vitest'
import { loadMix } from '../../../dev/load/mix.ts'

const first = 1_800_000_000_000_000_000n

/** The timestamp its point takes, as text: it does not fit a number. */
const timestampOf = (envelope: Buffer) => /"(?:startTimestamp|logMessage".*"timestamp|timestamp)":(\d+)/.exec(envelope.toString())?.[1]

describe('the load mix', () => {
  it('gives equal bytes for equal numbers and another timestamp to each', () => {
    const [a, b] = [loadMix({ firstTimestampNs: first }), loadMix({ firstTimestampNs: first })]
    const timestamps = new Set<string | undefined>()
    for (let number = 0; number < 9000; number++) {
      expect(a.envelope(number).equals(b.envelope(number))).toBe(true)
      timestamps.add(timestampOf(a.envelope(number)))
    }
    expect(timestamps.size).toBe(9000)
    expect([...timestamps][8999]).toBe(String(first + 8999n * 1_000_000n))
  })

  it('keeps the duration of each request', () => {
    const mix = loadMix({ firstTimestampNs: first })
    const durations = (firstNumber: number) =>
      Array.from({ length: 4000 }, (_, index) => {
        const times = /"startTimestamp":(\d+),"stopTimestamp":(\d+)/.exec(mix.envelope(firstNumber + index).toString())
        return times ? BigInt(times[2] ?? 0) - BigInt(times[1] ?? 0) : undefined
      })
    expect(durations(4000)).toEqual(durations(0))
    expect(durations(0).some((duration) => duration !== undefined && duration > 0n)).toBe(true)
  })

  it('names its own apps only, however many are asked for', () => {
    const mix = loadMix({ apps: 2000 })
    const guids = new Set(mix.apps.map((app) => app.app_guid))
    expect(guids.size).toBe(2000)
    const named = new Set<string>()
    for (let number = 0; number < 40_000; number++) {
      const { logMessage, containerMetric } = JSON.parse(mix.envelope(number).toString()) as {
        logMessage?: { app_id: string }
        containerMetric?: { applicationId: string }
      }
      if (logMessage) named.add(logMessage.app_id)
      if (containerMetric) named.add(containerMetric.applicationId)
    }
    expect([...named].filter((guid) => !guids.has(guid))).toEqual([])
    expect(named.size).toBeGreaterThan(1900)
  })

  it('spells a request’s app as the little-endian halves of its GUID', () => {
    const mix = loadMix({ apps: 1 })
    const number = Array.from({ length: 4000 }, (_, index) => index).find((index) => mix.kind(index) === 'http_request') ?? -1
    const [, low, high] = /"applicationId":\{"low":(\d+),"high":(\d+)\}/.exec(mix.envelope(number).toString()) ?? []
    const bytes = Buffer.alloc(16)
    bytes.writeBigUInt64LE(BigInt(low ?? 0), 0)
    bytes.writeBigUInt64LE(BigInt(high ?? 0), 8)
    expect(bytes.toString('hex')).toBe(mix.apps[0]?.app_guid.replaceAll('-', ''))
  })

  it('knows which envelopes make no point', () => {
    const mix = loadMix()
    const kinds = Array.from({ length: 4000 }, (_, number) => mix.kind(number))
    const count = (kind: string) => kinds.filter((one) => one === kind).length
    expect([count('http_request'), count('log'), count('instance'), count('discarded')]).toEqual([1182, 2264, 382, 172])
  })
})
