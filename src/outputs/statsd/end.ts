import type { OutputEnd } from '../end.ts'
import { checkStatsd } from './check.ts'
import { SampleEncoder } from './sample-encoder.ts'
import { Statsd } from './statsd.ts'
import { settingsOf, variables } from './variables.ts'

/** Counts, times and gauges for a StatsD daemon. */
export const statsd: OutputEnd<typeof variables> = {
  name: 'statsd',
  title: 'Output: StatsD',
  variables,
  *mistakes({ isSet }) {
    if (!isSet('CFMR_STATSD_ADDR')) yield 'CFMR_STATSD_ADDR: not set, expected the address of a StatsD daemon'
  },
  configure(values, common) {
    const settings = settingsOf(values, common)
    return {
      name: 'statsd',
      settings,
      build: (log) => ({
        output: new Statsd({ ...settings, log }),
        encoder: new SampleEncoder(settings),
        // One batch at a time: of gauges the last one has to be sent last.
        limits: { ...common.batcher, flushIntervalMs: settings.flushIntervalMs, maxWrites: 1 },
        ack: 'handed over',
        spelling: () => ({ documents: true }),
      }),
      check: (_log, signal) => checkStatsd(settings, signal),
    }
  },
}
