import { describe, expect, test } from 'vitest'
import { History } from '../../../../src/debug/page/history.ts'
import { type Circumstances, verdict } from '../../../../src/debug/page/verdict.ts'
import { figuresOf, historyOf, startMs } from './figures-of.ts'

const judge = (history: History, circumstances: Partial<Circumstances> = {}) =>
  verdict({ history, nowMs: history.latestMs, problem: undefined, nextTryMs: 0, ...circumstances })

describe('all is well', () => {
  test('says how much flows', () => {
    const answers = [0, 1, 2].map((i) => ({ ledger: { consumed: i * 5000, written: i * 4000 }, kafka: { lag: 1 } }))
    expect(judge(historyOf(answers))).toEqual({
      level: 'well',
      headline: 'All is well',
      summary: 'Reads 5,000 a second, stores 4,000; 1 message behind.',
      reasons: [],
    })
  })

  test('also where nothing comes: since when', () => {
    const last = new Date(startMs - 58_000).toISOString()
    const idle = { ledger: { consumed: 9 }, app: { consume: 9, last_consume_time: last } }
    expect(judge(historyOf([idle, idle]))).toMatchObject({ level: 'well', summary: 'No message for 1 min 0 s.' })
    expect(judge(historyOf([{}, {}]))).toMatchObject({ level: 'well', summary: 'No message has come yet.' })
  })
})

describe('it is not', () => {
  test('where it waits: for what', () => {
    const reasons = ['influxdb: a', 'kafka: b']
    expect(judge(historyOf([{ not_ready: reasons }]))).toMatchObject({ level: 'trouble', headline: 'Waiting', reasons })
  })

  test('where it waits and an input cannot read again: that something may be lost', () => {
    const inputs = { firehose: { acknowledged: false, concerns: [] } }
    const judged = judge(historyOf([{ not_ready: ['firehose: no stream is open'], inputs } as never]))
    expect(judged.summary).toBe('It cannot read or write now. What comes over an input that cannot read again may be lost meanwhile.')
    expect(judge(historyOf([{ not_ready: ['kafka: a'] }])).summary).toContain('Nothing is lost')
  })

  test.each([
    [1, '1 message met no fate'],
    [-2, '2 messages met more than one fate'],
  ])('where the ledger has a residue of %d, whatever else there is', (residue, text) => {
    const judged = judge(historyOf([{ state: 'starting', ledger: { residue }, not_ready: ['starting'] }]))
    expect(judged).toMatchObject({ level: 'trouble', reasons: [expect.stringContaining(text), 'starting'] })
  })

  test('while it starts or drains, which is told apart from trouble', () => {
    const starting = historyOf([{ state: 'starting', not_ready: ['starting', 'kafka: a'] }])
    expect(judge(starting)).toMatchObject({ level: 'attention', headline: 'Starting', reasons: ['kafka: a'] })
    const draining = historyOf([{ state: 'draining', not_ready: ['draining: it reads no more'] }])
    expect(judge(draining)).toMatchObject({ level: 'attention', headline: 'Draining', reasons: [] })
  })

  test.each([
    ['messages are held back', { metadata: { held: 2, held_apps: ['a', 'b'] } }, /^2 messages wait .* apps a, b$/],
    [
      'Cloud Controller failed',
      { metadata: { failures: 1, last_error: 'status 503' } },
      /^1 request to Cloud Controller failed .*: status 503$/,
    ],
    ['an output failed', { outputs: { influxdb: { failures: 3, last_error: 'reset' } } }, /^3 writes to influxdb failed .*: reset$/],
    ['there are new dead letters', { dead_letters: 1 }, /^1 message .*dead letters/],
    ['something was dropped', { ledger: { dropped: 4 } }, /^4 messages were dropped within the last minute: /],
    ['Kafka deleted something', { kafka: { skipped: 7 } }, /deleted 7 messages/],
  ])('quite, where %s', (_, change, reason) => {
    expect(judge(historyOf([{}, change]))).toMatchObject({ level: 'attention', reasons: [expect.stringMatching(reason)] })
  })

  test('quite, where an input has something to look at, though all goes on', () => {
    const concerns = ['docker: the logs of web cannot be read']
    const judged = judge(historyOf([{ inputs: { docker: { concerns } } } as never]))
    expect(judged).toMatchObject({ level: 'attention', headline: 'Works, with something to look at', reasons: concerns })
  })

  test('quite, where one of several outputs failed: that one', () => {
    const { influxdb } = figuresOf(1).outputs
    const before = { outputs: { influxdb, syslog: influxdb } }
    const { reasons } = judge(
      historyOf([before, { outputs: { influxdb, syslog: { ...influxdb, failures: 2, last_error: 'it hangs up' } } }] as never),
    )
    expect(reasons).toEqual(['2 writes to syslog failed within the last minute: it hangs up'])
  })

  test('for a minute only where something failed and all goes on', () => {
    const failed = { outputs: { influxdb: { failures: 3 } } }
    const answers = Array.from({ length: 63 }, (_, second) => (second === 0 ? {} : failed))
    expect(judge(historyOf(answers.slice(0, 60))).level).toBe('attention')
    expect(judge(historyOf(answers)).level).toBe('well')
  })

  test('quite, just after another process took over', () => {
    const history = historyOf([{}, { uptime_seconds: 0.5, runtime: { pid: 2 } }])
    expect(judge(history)).toMatchObject({ level: 'attention', reasons: [expect.stringMatching(/^Restarted 1 s ago/)] })
    expect(judge(history, { nowMs: history.latestMs + 25_000 }).level).toBe('attention')
  })
})

describe('silence', () => {
  const problem = 'the connection failed'

  test('is no answer yet, then a failure', () => {
    expect(judge(new History())).toMatchObject({ level: 'unknown' })
    const failed = judge(new History(), { problem, nowMs: 1000, nextTryMs: 2500 })
    expect(failed).toEqual({ level: 'gone', headline: 'No answer', summary: 'Next try in 2 s.', reasons: [problem] })
  })

  test('of a second is none; a longer one says since when, and what is known', () => {
    const history = historyOf([{}])
    expect(judge(history, { problem, nowMs: history.latestMs + 2000 }).level).toBe('well')
    const nowMs = history.latestMs + 12_000
    const gone = judge(history, { problem, nowMs, nextTryMs: nowMs + 4000 })
    expect(gone).toMatchObject({ level: 'gone', reasons: [problem] })
    expect(gone.summary).toMatch(/^For 12 s: .* was true at \d\d:\d\d:06\. Next try in 4 s\.$/)
  })

  test('of one instance is noticed, too, while others answer', () => {
    const history = historyOf([{}])
    expect(judge(history, { nowMs: history.latestMs + 10_000 }).level).toBe('well')
    expect(judge(history, { nowMs: history.latestMs + 40_000 })).toMatchObject({
      level: 'gone',
      reasons: [expect.stringContaining('Other')],
    })
  })
})
