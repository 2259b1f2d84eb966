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
  *mistakes({ values, isSet }) {
    if (!isSet('CFMR_STATSD_ADDR')) yield 'CFMR_STATSD_ADDR: not set, expected the address of a StatsD daemon'
    if (values.CFMR_STATSD_FORMAT !== 'graphite') return
    if (isSet('CFMR_STATSD_MAXAGE')) {
      yield 'CFMR_STATSD_MAXAGE: found a value with CFMR_STATSD_FORMAT=graphite, expected none: Graphite is told times, so that events of any age are written'
    }
    const { CFMR_STATSD_FLUSHINTERVAL: intervalMs = 1000 } = values
    if (intervalMs < 1000 || intervalMs % 1000 !== 0) {
      yield `CFMR_STATSD_FLUSHINTERVAL: found ${intervalMs / 1000} s, expected whole seconds with CFMR_STATSD_FORMAT=graphite: it is the step of its times`
    }
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
