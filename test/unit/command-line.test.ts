import { describe, expect, test } from 'vitest'
import { helpText, parseCommandLine } from '../../src/command-line.ts'
import { VARIABLE_NAMES } from '../../src/config/variables.ts'
import { ConfigError } from '../../src/lib/errors.ts'

function mistakes(...argv: string[]): readonly string[] {
  try {
    parseCommandLine(argv)
  } catch (error) {
    if (error instanceof ConfigError) return error.mistakes
    throw error
  }
  return []
}

describe('command line', () => {
  test('runs the worker where nothing is asked for', () => {
    expect(parseCommandLine([])).toEqual({ name: 'run', overrides: {} })
  })

  test.each([
    ['-log-level', 'debug'],
    ['-log-level=DEBUG'],
    ['--log-level', 'Debug'],
    ['--log-level=debug'],
    ['--log-level=info', '-log-level', 'debug'],
  ])('%s %s is the log level DEBUG', (...argv) => {
    expect(parseCommandLine(argv.filter((word) => word !== undefined))).toEqual({ name: 'run', overrides: { CFMR_LOGLEVEL: 'DEBUG' } })
  })

  test.each(['-h', '--help', '-help'])('%s is the manual, whatever else there is', (option) => {
    expect(parseCommandLine(['check', '--nonsense', option])).toEqual({ name: 'help' })
  })

  test.each(['-v', '--version', '-version'])('%s is the version', (option) => {
    expect(parseCommandLine([option])).toEqual({ name: 'version' })
  })

  test('check, for people or for scripts', () => {
    expect(parseCommandLine(['check'])).toEqual({ name: 'check', overrides: {}, json: false })
    expect(parseCommandLine(['--json', 'check', '-log-level', 'WARN'])).toEqual({
      name: 'check',
      overrides: { CFMR_LOGLEVEL: 'WARN' },
      json: true,
    })
  })

  test('replay takes files and stdin, options in between', () => {
    expect(parseCommandLine(['replay', 'a.ndjson', '--output', 'stdout', '-', '--', '--odd'])).toEqual({
      name: 'replay',
      overrides: { CFMR_OUTPUT: 'stdout' },
      files: ['a.ndjson', '-', '--odd'],
      from: undefined,
    })
  })

  test('replay goes on from a line', () => {
    expect(parseCommandLine(['replay', '--from', '12', 'a'])).toMatchObject({ from: { file: undefined, line: 12 } })
    expect(parseCommandLine(['replay', '--from=b:c:7', 'a', 'b:c'])).toMatchObject({ from: { file: 'b:c', line: 7 } })
  })

  test('decrypt takes objects and one identity or several', () => {
    expect(parseCommandLine(['decrypt', '--identity', 'a.key', 's3://b/k', '-i=b.key', 'file'])).toEqual({
      name: 'decrypt',
      identityFiles: ['a.key', 'b.key'],
      objects: ['s3://b/k', 'file'],
    })
  })

  test.each([
    [['--log-levle', 'DEBUG'], '-log-levle: found an option that does not exist', 'did you mean --log-level?'],
    [['repaly', 'f'], 'repaly: found a command that does not exist', 'did you mean replay?'],
    [['--log-level', 'loud'], '--log-level: found "loud"', 'expected DEBUG, INFO, WARN, ERROR'],
    [['--log-level'], '--log-level: found no value', 'expected LEVEL'],
    [['--log-level='], '--log-level: found no value', 'expected LEVEL'],
    [['--json=true', 'check'], '--json: found a value', 'expected none'],
    [['--json'], '--json: found without check', 'expected'],
    [['check', '--from', '3'], '--from: found without replay', 'expected'],
    [['check', 'now'], 'now: found behind check', 'expected nothing'],
    [['replay'], 'replay: found no file', '- is stdin'],
    [['replay', '-', '-'], '-: found more than once', 'expected once'],
    [['decrypt', 'f'], 'decrypt: found no --identity', 'secret key of age'],
    [['decrypt', '-i', 'k'], 'decrypt: found no object', 's3://BUCKET/KEY'],
    [['check', '-i', 'k'], '--identity: found without decrypt', 'expected'],
    [['decrypt', '-i', 'k', 'f', '--json'], '--json: found without check', 'expected'],
    [['replay', 'f', '--output', 'nowhere'], '--output: found "nowhere"', 'expected influxdb, '],
    [['replay', 'f', '--from', '0'], '--from: found "0"', 'counted from 1'],
    [['replay', 'f', '--from', 'x'], '--from: found "x"', 'LINE or FILE:LINE'],
    [['replay', 'f', 'g', '--from', '3'], '--from: found "3"', 'several files'],
    [['replay', 'f', '--from', 'g:3'], '--from: found "g:3"', 'one of the files: f'],
  ])('%j is a mistake', (argv, found, expected) => {
    const [line, ...others] = mistakes(...argv).filter((mistake) => !mistake.startsWith('DEBUG: ') && !mistake.startsWith('f: '))
    expect(line).toContain(found)
    expect(line).toContain(expected)
    expect(others).toEqual([])
  })

  test('reports every mistake at once', () => {
    expect(mistakes('--nonsense', '--log-level', 'loud', 'replay')).toHaveLength(3)
  })
})

test('the manual has the commands, every option and every variable', () => {
  const manual = helpText()
  for (const word of [
    'check',
    'replay',
    '-h, --help',
    '-v, --version',
    '--log-level LEVEL',
    '--json',
    '--output',
    '--from',
    'decrypt',
    '--identity FILE',
    'Exit status',
  ]) {
    expect(manual).toContain(word)
  }
  for (const name of VARIABLE_NAMES) expect(manual).toContain(name)
})
