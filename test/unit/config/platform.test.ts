import { describe, expect, test } from 'vitest'
import { read } from './complete.ts'

describe('the platform', () => {
  const app = (uris: string[]) => ({ VCAP_APPLICATION: JSON.stringify({ uris }) })

  test('gives the port, unless CFMR_SERVER_PORT does', () => {
    expect(read({ PORT: '3000' }).server.port).toBe(3000)
    expect(read({ PORT: '3000', CFMR_SERVER_PORT: '0' }).server.port).toBe(0)
  })

  test.each([
    ['4', 4],
    ['ab', 0],
    ['', 0],
    ['-1', 0],
  ])('CF_INSTANCE_INDEX=%s is instance %d', (text, index) => {
    const { instanceIndex, kafka } = read({ CF_INSTANCE_INDEX: text })
    expect(instanceIndex).toBe(index)
    expect(kafka.clientId).toBe(`cf-metrics-refinery-${index}`)
  })

  test('warns of a public route without a password', () => {
    expect(read(app(['r.example.com'])).warnings).toEqual([expect.stringMatching(/^CFMR_SERVER_PASSWORD .*r\.example\.com/)])
    expect(read({ ...app(['r.example.com']), CFMR_SERVER_PASSWORD: 'secret' }).warnings).toEqual([])
    expect(read(app([])).warnings).toEqual([])
    expect(read({ VCAP_APPLICATION: 'not JSON' }).warnings).toEqual([])
  })

  test("warns of a drain that the platform's kill cuts short, of a port it does not look at, of a password in the clear", () => {
    expect(read({ ...app([]), CFMR_KAFKA_PROCESSINGTIMEOUT: '1m' }).warnings).toEqual([expect.stringContaining('PROCESSINGTIMEOUT')])
    expect(read({ ...app([]), PORT: '8080', CFMR_SERVER_PORT: '9000' }).warnings).toEqual([expect.stringContaining('CFMR_SERVER_PORT')])
    const sasl = { CFMR_KAFKA_SASLMECHANISM: 'plain', CFMR_KAFKA_SASLUSERNAME: 'u', CFMR_KAFKA_SASLPASSWORD: 'p' }
    expect(read(sasl).warnings).toEqual([expect.stringContaining('as it is')])
    expect(read({ ...sasl, CFMR_KAFKA_SSL: 'true' }).warnings).toEqual([])
  })
})
