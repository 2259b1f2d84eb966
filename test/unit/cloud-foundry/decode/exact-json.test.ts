import { describe, expect, test } from 'vitest'
import type { Envelope } from '../../../../src/cloud-foundry/decode/envelope.ts'
import { readJsonEnvelope } from '../../../../src/cloud-foundry/decode/exact-json.ts'
import { Undecodable } from '../../../../src/cloud-foundry/decode/undecodable.ts'

function read(text: string | Buffer): Envelope {
  return readJsonEnvelope(Buffer.from(text))
}

function refusal(text: string | Buffer): string {
  try {
    read(text)
  } catch (error) {
    if (error instanceof Undecodable) return error.message
    throw error
  }
  throw new Error(`read without complaint: ${text}`)
}

describe('keys', () => {
  test.each([
    ['in capitals', 'EVENTTYPE'],
    ['with escapes', '\\u0065vent\\u0054ype'],
  ])('match %s', (_, key) => {
    expect(read(`{"${key}":5}`)).toEqual({ eventType: 5 })
  })

  test('match with the long s and the Kelvin sign, which fold to ASCII', () => {
    expect(read('{"logMeſſage":{"ſource_type":"RTR"}}')).toEqual({ logMessage: { source_type: 'RTR' } })
    expect(read('{"containerMetric":{"DIS\u212aBYTES":7}}')).toEqual({ containerMetric: { diskBytes: 7n } })
  })

  test.each(['event_type', 'eventType ', 'eventTyp', 'lo\u0307gMessage', 'İndex', 'logMeßage', '', 'x'.repeat(100_000)])(
    'do not match as %j',
    (key) => {
      expect(read(`{${JSON.stringify(key)}:{"any":["thing"]}}`)).toEqual({})
    },
  )

  test('of Object.prototype are nothing special', () => {
    expect(read('{"__proto__":{"eventType":5},"constructor":1,"toString":2}')).toEqual({})
  })
})

describe('keys given twice', () => {
  test('count as the last one says', () => {
    expect(read('{"eventType":9,"timestamp":1,"EventType":5,"timestamp":2}')).toEqual({ eventType: 5, timestamp: 2n })
  })

  test('merge where they are objects', () => {
    const text = '{"httpStartStop":{"method":2,"applicationId":{"low":1}},"httpStartStop":{"applicationId":{"high":2}}}'
    expect(read(text)).toEqual({ httpStartStop: { method: 2, applicationId: { low: 1n, high: 2n } } })
  })

  test('are cleared by null, and begin anew after it', () => {
    expect(read('{"logMessage":{"app_id":"a","message_type":2},"logMessage":null}').logMessage).toBeUndefined()
    expect(read('{"logMessage":{"app_id":"a"},"logMessage":null,"logMessage":{"message_type":1}}')).toEqual({
      logMessage: { message_type: 1 },
    })
    expect(read('{"eventType":5,"eventType":null}').eventType).toBeUndefined()
  })
})

describe('integers', () => {
  test.each([
    ['{"timestamp":9223372036854775807}', 2n ** 63n - 1n],
    ['{"timestamp":-9223372036854775808}', -(2n ** 63n)],
    ['{"timestamp":-0}', 0n],
    ['{"timestamp":1527158917416339031}', 1_527_158_917_416_339_031n],
  ])('of %s are exact', (text, timestamp) => {
    expect(read(text).timestamp).toBe(timestamp)
  })

  test('of 64 bits without a sign are exact', () => {
    const text = '{"containerMetric":{"memoryBytes":18446744073709551615,"diskBytes":0}}'
    expect(read(text).containerMetric).toEqual({ memoryBytes: 2n ** 64n - 1n, diskBytes: 0n })
  })

  test.each([
    '{"timestamp":9223372036854775808}',
    '{"timestamp":-9223372036854775809}',
    '{"timestamp":1.0}',
    '{"timestamp":1e3}',
    '{"timestamp":"1"}',
    '{"timestamp":01}',
    '{"timestamp":+1}',
    '{"timestamp":-}',
    '{"containerMetric":{"memoryBytes":18446744073709551616}}',
    '{"containerMetric":{"memoryBytes":-0}}',
    '{"containerMetric":{"memoryBytes":-1}}',
    '{"httpStartStop":{"statusCode":2147483648}}',
    `{"timestamp":${'9'.repeat(1_000_000)}}`,
  ])('are refused as %s', (text) => {
    expect(refusal(text)).toMatch(/^not an envelope in JSON: byte \d+, at or after the field (timestamp|memoryBytes|statusCode) is /)
  })
})

describe('enums', () => {
  test.each([
    ['5', 5],
    ['"LogMessage"', 5],
    ['"\\u004cogMessage"', 5],
    ['-2147483648', -2_147_483_648],
    ['77', 77],
  ])('are numbers or exact names: %s', (spelling, eventType) => {
    expect(read(`{"eventType":${spelling}}`)).toEqual({ eventType })
  })

  test('have the names that proto/ has', () => {
    expect(read('{"httpStartStop":{"method":"VERSION_CONTROL","peerType":"Client"},"logMessage":{"message_type":"ERR"}}')).toEqual({
      httpStartStop: { method: 44, peerType: 1 },
      logMessage: { message_type: 2 },
    })
  })

  test.each(['"logMessage"', '""', '"5"', '5e0', '2147483648', 'true', '[5]', '{}', '"toString"'])('are refused as %s', (spelling) => {
    expect(refusal(`{"eventType":${spelling}}`)).toContain('eventType')
  })
})

describe('floats', () => {
  test.each([
    ['1.5', 1.5],
    ['-0', -0],
    ['5e-324', 5e-324],
    ['1e-400', 0],
    ['0e999999999', 0],
    ['123456789012345678901234567890', 1.2345678901234568e29],
  ])('of %s are the nearest double', (spelling, cpuPercentage) => {
    expect(read(`{"containerMetric":{"cpuPercentage":${spelling}}}`).containerMetric).toEqual({ cpuPercentage })
  })

  test.each(['1e309', '-1e309', '1.7976931348623159e308', '"1.5"', '.5', '1.', '1e', 'NaN', 'Infinity'])(
    'are refused as %s',
    (spelling) => {
      expect(refusal(`{"containerMetric":{"cpuPercentage":${spelling}}}`)).toContain('cpuPercentage')
    },
  )
})

describe('strings', () => {
  test.each([
    ['\\ud83d\\ude00', '😀'],
    ['\\ud83d', '\ufffd'],
    ['\\ude00\\ud83d', '\ufffd\ufffd'],
    ['\\ud83d\\u0041', '\ufffdA'],
    ['\\ud83d\\ud83d\\ude00', '\ufffd😀'],
    ['\\b\\f\\n\\r\\t\\"\\\\\\/', '\b\f\n\r\t"\\/'],
    ['\\u0000', '\0'],
    ['日本', '日本'],
  ])('of %s are %j', (spelling, source_instance) => {
    expect(read(`{"logMessage":{"source_instance":"${spelling}"}}`).logMessage).toEqual({ source_instance })
  })

  test('get one U+FFFD for each byte that is no UTF-8, beside escapes too', () => {
    const text = Buffer.from('{"logMessage":{"app_id":"\xf0\x9f\x98","source_type":"\xe6\\u0041\x97\xff"}}', 'latin1')
    expect(read(text).logMessage).toEqual({ app_id: '\ufffd'.repeat(3), source_type: '\ufffdA\ufffd\ufffd' })
  })

  test.each(['"a\nb"', '"\\x"', '"\\u12"', '"\\u12g4"', "'a'", '5', '["a"]', '"a'])('are refused as %j', (spelling) => {
    expect(refusal(`{"origin":${spelling}}`)).toContain('origin')
  })
})

describe('the payload', () => {
  test.each([
    ['"aGVsbG8="', 'hello'],
    ['"\\u0059WJj"', 'abc'],
    ['"YWJj\\n"', 'abc'],
    ['""', ''],
    ['[]', ''],
    ['[1,null,255]', '\u0001\u0000\u00ff'],
  ])('of %s is kept as it came, with its size', (spelling, bytes) => {
    const { message } = read(`{"logMessage":{"message":${spelling}}}`).logMessage ?? {}
    expect(message?.size).toBe(bytes.length)
    const kept = Buffer.from(message?.bytes ?? [])
    expect((message?.isBase64 ? Buffer.from(kept.toString(), 'base64') : kept).toString('latin1')).toBe(bytes)
  })

  test.each(['"YQ="', '"!!!!"', '[256]', '[-1]', '["a"]', '[1.0]', '[[]]', '{}', '5'])('is refused as %s', (spelling) => {
    expect(refusal(`{"logMessage":{"message":${spelling}}}`)).toContain('message')
  })
})

describe('fields that no point uses', () => {
  test.each([
    '{"ip":7}',
    '{"tags":[]}',
    '{"tags":{"a":1}}',
    '{"tags":"a"}',
    '{"httpStartStop":{"forwarded":[1]}}',
    '{"httpStartStop":{"requestId":[]}}',
    '{"valueMetric":{"value":"x"}}',
    '{"counterEvent":{"delta":-1}}',
    '{"error":{"code":2147483648}}',
    '{"error":"x"}',
  ])('are checked all the same: %s', (text) => {
    expect(refusal(text)).toContain('expected')
  })

  test('may hold null', () => {
    const text = '{"ip":null,"tags":{"a":null},"httpStartStop":{"forwarded":[null,"a"],"requestId":null},"error":null}'
    expect(read(text).httpStartStop).toBeDefined()
  })
})

describe('the text as a whole', () => {
  test.each(['null', ' null\n', '{}', '\r\n\t {} \t'])('may be %j, an empty envelope', (text) => {
    expect(read(text)).toEqual({})
  })

  test.each([
    ['', 'byte 0 is missing (the message ends), expected an object'],
    ['nul', 'byte 3 is missing (the message ends), expected null'],
    ['nulll', 'byte 4 is l, expected the end of the message'],
    ['[1]', 'byte 0 is [, expected an object'],
    ['{', 'byte 1 is missing (the message ends), expected a string'],
    ['{"a"}', 'byte 4 is }, expected a colon'],
    ['{"a":}', 'byte 5 is }, expected a value'],
    ['{"a":1,}', 'byte 7 is }, expected a string'],
    ['{,}', 'byte 1 is ,, expected a string'],
    ['{"a":[1,]}', 'byte 8 is ], expected a value'],
    ['{"a":[1}', 'byte 7 is }, expected a comma or ]'],
    ['{"a":{"b":1]}', 'byte 11 is ], expected a comma or }'],
    ['{"a":1 "b":2}', 'byte 7 is ", expected a comma or }'],
    ['{"a":tru}', 'byte 8 is }, expected true'],
    ['{"a":1}{"a":1}', 'byte 7 is {, expected the end of the message'],
    ['{"a":1}\0', 'byte 7 is 0x00, expected the end of the message'],
    ['{"a"/**/:1}', 'byte 4 is /, expected a colon'],
    ['\ufeff{}', 'byte 0 is 0xef, expected an object'],
  ])('is refused as %j', (text, complaint) => {
    expect(refusal(text)).toBe(`not an envelope in JSON: ${complaint}`)
  })

  const nested = (levels: number) => `{"x":${'['.repeat(levels - 1)}${']'.repeat(levels - 1)}}`

  test('is nested ten thousand deep at most, as Go has it', () => {
    expect(read(nested(10_000))).toEqual({})
    expect(refusal(nested(10_001))).toContain('expected at most 10000 levels')
    expect(refusal('['.repeat(1_000_000))).toContain('expected an object')
  })

  test('shows nothing of its content in a complaint but the byte at fault', () => {
    expect(refusal('{"logMessage":{"app_id":"secret-1","source_type":["secret-2"]}}')).not.toContain('secret')
  })
})
