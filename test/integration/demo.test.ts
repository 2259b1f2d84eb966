import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { scratchFolder } from '../../dev/scratch-folder.ts'
import { shared } from '../support/shared.ts'

const run = promisify(execFile)
const demo = fileURLToPath(new URL('../../dev/demo.ts', import.meta.url))

it.each(['elasticsearch', 'kafka', 's3', 'syslog', 'statsd', 'stdout'])(
  'the demo shows the output %s on its real server, and ends with all that was sent there',
  async (output) => {
    const [{ brokers }, { url }] = await Promise.all([shared('kafka'), shared('influxdb'), shared('program')])
    const env = { ...process.env, CFMR_KAFKA_BROKERS: brokers.join(','), CFMR_INFLUXDB_ADDR: url }
    const { stdout } = await run(process.execPath, ['--import', 'tsx', demo, '--seconds', '2', '--rate', '500', '--output', output], {
      env,
    })
    expect(stdout).toMatch(/^log +[1-9][\d,]* +[1-9][\d,]* +0$/m)
    expect(stdout).toMatch(/[1-9]\d* envelopes sent, .*: nothing is missing$/m)
    // A record of it is shown, too.
    expect(stdout).toMatch(/^(\{"@timestamp"|<1[14]>1 |cf\.\S+ \d+$)/m)
  },
)

it('the demo shows containers of a real engine, and ends with all of their lines in InfluxDB', async () => {
  await shared('program')
  const { stdout } = await run(process.execPath, ['--import', 'tsx', demo, '--input', 'docker', '--seconds', '3'])
  expect(stdout).toMatch(/^(\d+) lines are in the containers' logs, \1 in InfluxDB: nothing is missing$/m)
  expect(stdout).toMatch(/^container_event +[1-9]/m)
})

it('where there is neither Java nor Docker, nor any other program, the demo shows the firehose with Node alone', async () => {
  await shared('program')
  const env = { PATH: scratchFolder('no-programs'), HOME: process.env['HOME'] }
  const { stdout } = await run(process.execPath, ['--import', 'tsx', demo, '--seconds', '2', '--rate', '500'], { env })
  expect(stdout).toMatch(/^No servers: there is neither Java 17 with Maven and apt-get, nor Docker/m)
  expect(stdout).toMatch(/^ {2}stdout {5}a document a line$/m)
  expect(stdout).toMatch(/[1-9]\d* sent: nothing is missing$/m)
})

it('an output that there is not is named, with those that there are', async () => {
  await expect(run(process.execPath, ['--import', 'tsx', demo, '--output', 'elastic'])).rejects.toMatchObject({
    code: 2,
    stderr: expect.stringMatching(
      /^--output: found "elastic", expected one of influxdb, elasticsearch, .*\(did you mean elasticsearch\?\)\n$/,
    ),
  })
})

it.each(['influxdb', 'stdout'])(
  'the demo shows the firehose without Kafka, with the output %s, and ends with all that the gateway sent there',
  async (output) => {
    const [{ url }] = await Promise.all([shared('influxdb'), shared('program')])
    const args = ['--import', 'tsx', demo, '--input', 'firehose', '--seconds', '2', '--rate', '500', '--output', output]
    const { stdout } = await run(process.execPath, args, { env: { ...process.env, CFMR_INFLUXDB_ADDR: url } })
    expect(stdout).toMatch(/^log +[1-9][\d,]* +[1-9][\d,]* +0$/m)
    expect(stdout).toMatch(/[1-9]\d* sent: nothing is missing$/m)
    expect(stdout).toMatch(/^(\{"@timestamp"|busiest apps)/m)
  },
)
