import { describe, expect, test } from 'vitest'
import { createLog, type LogLevel } from '../../../src/lib/log.ts'
import { Secrets } from '../../../src/lib/secrets.ts'

function recorder(level: LogLevel = 'INFO', given: readonly string[] = []) {
  const texts: string[] = []
  const secrets = new Secrets(given)
  const log = createLog({ level, secrets, destination: { write: (text: string) => void texts.push(text) } })
  return { log, texts, lines: () => texts.map((text) => JSON.parse(text) as Record<string, unknown>) }
}

describe('log', () => {
  test('writes one JSON object a line with level, time, message and fields', () => {
    const { log, texts, lines } = recorder()
    log.warn({ topic: 'logs' }, 'topic does not exist yet')
    expect(texts[0]?.endsWith('}\n')).toBe(true)
    expect(lines()).toEqual([
      { level: 'WARN', time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/), topic: 'logs', msg: 'topic does not exist yet' },
    ])
  })

  test('leaves out what is below its level', () => {
    const { log, lines } = recorder('WARN')
    log.debug('a')
    log.info('b')
    log.warn('c')
    log.error('d')
    expect(lines().map((line) => line['msg'])).toEqual(['c', 'd'])
  })

  test('writes an error with its causes as one line, and a bug with its stack', () => {
    const { log, lines } = recorder()
    log.error({ error: new Error('write failed', { cause: new Error('connect ECONNREFUSED 127.0.0.1:8086') }) }, 'x')
    log.error({ err: new TypeError('a bug') }, 'y')
    expect(lines()[0]?.['error']).toBe('write failed: connect ECONNREFUSED 127.0.0.1:8086')
    expect(lines()[1]?.['err']).toMatchObject({ type: 'TypeError', stack: expect.stringContaining('log.test.ts') })
  })

  test('never shows credentials of a URL, tokens, or known secrets, wherever they come from', () => {
    const { log, texts } = recorder('INFO', ['p"ss word', 'sesame'])
    log.error({ error: new Error('GET https://admin:hunter2@influx.example/ping failed') }, 'https://:hunter2@other/')
    log.error({ body: 'p"ss word', url: '/write?p=p%22ss%20word' }, 'Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.abc-_1 and sesame')
    expect(texts.join('')).not.toMatch(/hunter2|ss.{1,3}word|eyJ|sesame/)
    expect(texts[0]).toContain('https://***@influx.example/ping')
    for (const text of texts) JSON.parse(text)
  })
})
